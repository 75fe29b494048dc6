"""PixelCNN++: gated residual layers in two streams, at full, half and a quarter of the resolution.

Reference: Salimans et al., PixelCNN++: improving the PixelCNN with discretized logistic mixture
likelihood and other modifications, 2017, section 2 and figure 2.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from vaejax.nn.causal import NOTHING, CausalConv, Given, Place, Stream, column_of, put, with_ones
from vaejax.nn.causal_transposed import CausalTransposedConv
from vaejax.nn.gated_resnet import GatedResnet
from vaejax.nn.stacked import apply_stacked, fastest_depth
from vaejax.types import Array


class PixelCNNpp(nn.Module):
    """A network whose outputs at a pixel depend on the pixels before it alone.

    Its colours come together: no output sees any of the pixel itself.

    Attributes:
        num_outputs: per pixel.
        features: C, of every layer.
        num_layers: on the way down, at full resolution, at half of it and so on; on the way up
            there are as many at the last one and one more at each of the others.
        dropout_rate: inside the layers.
    """

    num_outputs: int
    features: int
    num_layers: tuple[int, ...]
    dropout_rate: float

    def setup(self):
        def first(kernel: tuple[int, int], stream: Stream) -> CausalConv:
            return CausalConv(self.features, kernel, stream, strict=True, init_scale=1.0)

        self.first_rows = first((2, 3), "rows")
        self.first_pixels_above = first((1, 3), "rows")
        self.first_pixels_left = first((2, 1), "pixels")
        self.level = Level(self.features, self.num_layers, self.dropout_rate)
        self.last = CausalConv(self.num_outputs, init_scale=1.0)

    def __call__(self, x: Array, given: Given = NOTHING, dropout: Array | None = None) -> Array:
        """[B, H, W, I] -> [B, H, W, num_outputs].

        Args:
            x: of about -1 to 1.
            given: what else is known.
            dropout: keys [B]; None drops nothing.
        """
        check_halved(x.shape[1], x.shape[2], self.num_layers)
        x = with_ones(x)
        pixels = self.first_pixels_above(x) + self.first_pixels_left(x)
        _, h = self.level((self.first_rows(x), pixels), given, dropout)
        return self.last(jax.nn.elu(h))

    def rows(self, x: Array, given: Given, place: Place) -> Any:
        """What the pixels of a row are told of the rows above it."""
        x = with_ones(x)
        _, told = self.level.rows(self.first_rows(x, place), given.at(place), place)
        return self.first_pixels_above(x, place), told

    def pixel(self, x: Array, rows: Any, given: Given, place: Place) -> Array:
        """The outputs at one place, [B, 1, 1, num_outputs]."""
        above, told = rows
        h = column_of(above, place) + self.first_pixels_left(with_ones(x), place)
        return self.last(jax.nn.elu(self.level.pixels(h, told, given.at(place), place)))


def check_halved(height: int, width: int, num_layers: tuple[int, ...]) -> None:
    """Raise ValueError where an image cannot be halved for every resolution after the first."""
    factor = 2 ** (len(num_layers) - 1)
    if height % factor or width % factor:
        raise ValueError(
            f"image_shape: expected a height and width divisible by {factor} for "
            f"{len(num_layers)} resolutions in num_layers, got {height} x {width}"
        )


class Told(NamedTuple):
    """What the stream of pixels is told of that of rows, for a row or for one of its pixels.

    Attributes:
        down: [L, B, 1, W, C], after every layer on the way down.
        up: likewise on the way up.
        inner: that of the lower resolutions.
    """

    down: Array
    up: Array
    inner: "Told | None"


class Level(nn.Module):
    """What is done at one resolution, and within it all that is done at lower ones.

    Layers go down, lower resolutions follow, layers go up: each is shown what went into one of
    those down, or came out of the last, in reverse order.

    Attributes:
        features: C.
        num_layers: on the way down, here and at lower resolutions.
        dropout_rate: inside the layers.
        first_layer: number of the first layer here; those of a network count from 0.
    """

    features: int
    num_layers: tuple[int, ...]
    dropout_rate: float
    first_layer: int = 0

    def setup(self):
        self.down = Layer(self.features, self.dropout_rate)
        self.up = Layer(self.features, self.dropout_rate)
        if self._is_last:
            return
        self.shrink_rows = CausalConv(self.features, (2, 3), "rows", stride=2, init_scale=1.0)
        self.shrink_pixels = CausalConv(self.features, (2, 2), "pixels", stride=2, init_scale=1.0)
        self.inner = Level(
            self.features,
            self.num_layers[1:],
            self.dropout_rate,
            self.first_layer + 2 * self.num_layers[0] + 1,
        )
        self.enlarge_rows = CausalTransposedConv(self.features, "rows")
        self.enlarge_pixels = CausalTransposedConv(self.features, "pixels")

    @property
    def _is_last(self) -> bool:
        return len(self.num_layers) == 1

    def __call__(
        self, streams: tuple[Array, Array], given: Given, keys: Array | None
    ) -> tuple[Array, Array]:
        """Both streams, of rows and of pixels: [B, H, W, C] each."""

        def layer(block: Layer, streams: tuple[Array, Array], inputs: Any):
            number, (rows_skip, pixels_skip) = inputs
            rows, pixels = streams
            rows = block.rows(rows, rows_skip, given, None, keys, number)
            pixels = block.pixels(pixels, rows, pixels_skip, given, None, keys, number)
            return (rows, pixels), (rows, pixels)

        length = self.num_layers[0]
        numbers = self.first_layer + jnp.arange(2 * length + 1)
        out, outputs = _stacked(self.down, layer, streams, (numbers[:length], (None, None)))
        skips = self._skips(streams, outputs)
        if not self._is_last:
            rows, pixels = out
            small = self.shrink_rows(rows), self.shrink_pixels(pixels)
            rows, pixels = self.inner(small, _coarser(given), keys)
            out = self.enlarge_rows(rows), self.enlarge_pixels(pixels)
        return _stacked(self.up, layer, out, (numbers[length:][: len(skips[0])], skips))[0]

    def rows(self, x: Array, given: Given, place: Place) -> tuple[Array, Told]:
        """A row of the stream of rows [B, 1, W, C], and what the other one is told."""

        def layer(block: Layer, rows: Array, skip: Array | None):
            rows = block.rows(rows, skip, given, place)
            return rows, rows

        def lower(level: "Level", small: Array) -> tuple[Array, Told]:
            return level.inner.rows(small, _coarser(given), _halved(place))

        out, down = _stacked(self.down, layer, x, None, self.num_layers[0])
        inner = None
        if not self._is_last:
            small = self.shrink_rows(out, place)
            small, inner = self._kept("lower_rows", place.row % 2 == 0, lower, small)
            out = self.enlarge_rows(small, place)
        out, up = _stacked(self.up, layer, out, self._skips(x, down))
        return out, Told(down, up, inner)

    def pixels(self, x: Array, told: Told, given: Given, place: Place) -> Array:
        """A pixel of the stream of pixels, [B, 1, 1, C]."""
        assert place.column is not None

        def layer(block: Layer, pixels: Array, inputs: tuple[Array, Array | None]):
            rows, skip = inputs
            pixels = block.pixels(pixels, rows, skip, given, place)
            return pixels, pixels

        def lower(level: "Level", small: Array, row: Array) -> Array:
            here = _halved(place)
            assert here.column is not None
            small = level.inner.pixels(small, told.inner, _coarser(given), here)
            return put(row, small, jnp.zeros_like(here.row), here.column)

        out, outputs = _stacked(self.down, layer, x, (column_of(told.down, place), None))
        skips = self._skips(x, outputs)
        if not self._is_last:
            small = self.shrink_pixels(out, place)
            due = (place.row % 2 == 0) & (place.column % 2 == 0)
            row = jnp.zeros((len(x), 1, place.width // 2, self.features), x.dtype)
            row = self.get_variable("cache", "lower_pixels", row)
            row = self._kept("lower_pixels", due, lower, small, row)
            out = self.enlarge_pixels(column_of(row, _halved(place)), place)
        return _stacked(self.up, layer, out, (column_of(told.up, place), skips))[0]

    def _skips(self, first: Any, outputs: Any) -> Any:
        """What the layers on the way up are shown, [L, ...], in their order."""

        def reverse(first: Array, outputs: Array) -> Array:
            # At the last resolution the way up begins with the last output itself.
            outputs = outputs[:-1] if self._is_last else outputs
            return jnp.concatenate([first[None], outputs])[::-1]

        return jax.tree.map(reverse, first, outputs)

    def _kept(self, name: str, due: Array, compute: Callable[..., Any], *args: Any) -> Any:
        """What is computed where it is due, and otherwise what was computed last."""
        if self.has_variable("cache", name):

            def keep(level: "Level", *_: Any) -> Any:
                return level.get_variable("cache", name)

            value = nn.cond(due, compute, keep, self, *args)
        else:  # at the first place, where all is due
            value = compute(self, *args)
        self.put_variable("cache", name, value)
        return value


class Layer(nn.Module):
    """A gated residual layer of each stream; that of pixels is shown the other.

    Attributes:
        features: C.
        dropout_rate: inside of them.
    """

    features: int
    dropout_rate: float

    def setup(self):
        size = {"features": self.features, "dropout_rate": self.dropout_rate}
        self.rows_layer = GatedResnet(kernel=(2, 3), stream="rows", **size)
        self.pixels_layer = GatedResnet(kernel=(2, 2), stream="pixels", **size)

    def rows(
        self,
        x: Array,
        skip: Array | None,
        given: Given,
        place: Place | None,
        keys: Array | None = None,
        number: int | Array = 0,
    ) -> Array:
        """The stream of rows, with what it is shown on the way up."""
        return self.rows_layer(x, skip, given, place, keys=keys, site=2 * number)

    def pixels(
        self,
        x: Array,
        rows: Array,
        skip: Array | None,
        given: Given,
        place: Place | None,
        keys: Array | None = None,
        number: int | Array = 0,
    ) -> Array:
        """The stream of pixels, with that of rows after this layer."""
        shown = rows if skip is None else jnp.concatenate([rows, skip], -1)
        return self.pixels_layer(x, shown, given, place, keys=keys, site=2 * number + 1)


def _stacked(
    block: Layer, call: Callable[..., Any], carry: Any, inputs: Any, length: int | None = None
) -> tuple[Any, Any]:
    if length is None:
        length = len(jax.tree.leaves(inputs)[0])
    return apply_stacked(
        block, call, carry, inputs, length=length, depth=fastest_depth(), memory="store"
    )


def _coarser(given: Given) -> Given:
    """What is given at half the resolution, whose pixels stand for the top left one of four."""
    return given if given.map is None else given._replace(map=given.map[:, ::2, ::2])


def _halved(place: Place) -> Place:
    """The place at half the resolution."""
    column = None if place.column is None else place.column // 2
    return Place(place.row // 2, column, width=place.width // 2)
