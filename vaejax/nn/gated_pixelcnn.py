"""Gated PixelCNN: gated layers in two streams, one of rows and one of pixels.

Reference: van den Oord et al., Conditional image generation with PixelCNN decoders, 2016, figure 2.
"""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from vaejax.nn.causal import NOTHING, CausalConv, Given, Place, column_of
from vaejax.nn.gates import Gates
from vaejax.nn.stacked import apply_stacked, fastest_depth
from vaejax.types import Array


class GatedPixelCNN(nn.Module):
    """A network whose outputs at a pixel depend on the pixels before it alone.

    Attributes:
        num_outputs: per pixel.
        output_colours: the colour of each output, where colours come one after another.
        colours: of the input, that come one after another; 1 where they come together.
        features: C, of every layer.
        num_layers: after the first one.
        kernel_size: k, odd: a layer sees k // 2 rows above, and columns as far to the left (in the
            stream of rows to the right as well).
        first_kernel_size: of the first layer.
        head_features: of the layer before the last.
    """

    num_outputs: int
    output_colours: tuple[int, ...] | None
    colours: int
    features: int
    num_layers: int
    kernel_size: int
    first_kernel_size: int
    head_features: int

    def setup(self):
        size = (self.features, self.colours)
        self.first = GatedLayer(*size, self.first_kernel_size, first=True)
        self.layer = GatedLayer(*size, self.kernel_size)
        self.head = CausalConv(self.head_features, colours=self.colours)
        self.last = CausalConv(
            self.num_outputs, colours=self.colours, output_colours=self.output_colours
        )

    def __call__(self, x: Array, given: Given = NOTHING, dropout: Array | None = None) -> Array:
        """[B, H, W, I] -> [B, H, W, num_outputs]; nothing drops out here."""
        del dropout

        def layer(block: GatedLayer, streams: tuple[Array, Array], _: None):
            rows, pixels = streams
            rows, passed = block.rows(rows, given)
            return (rows, block.pixels(pixels, passed, given)), None

        (_, h), _ = self._layers(layer, layer(self.first, (x, x), None)[0], None)
        return self._outputs(h)

    def rows(self, x: Array, given: Given, place: Place) -> Any:
        """What the pixels of a row are told of the rows above it, layer by layer.

        Args:
            x: [B, H, W, I], of which the rows above are known.
            given: what else is known.
            place: the row; all before were asked for in order.
        """
        given = given.at(place)

        def layer(block: GatedLayer, rows: Array, _: None):
            return block.rows(rows, given, place)

        rows, first = layer(self.first, x, None)
        return first, self._layers(layer, rows, None)[1]

    def pixel(self, x: Array, rows: Any, given: Given, place: Place) -> Array:
        """The outputs at one place, [B, 1, 1, num_outputs].

        Args:
            x: [B, H, W, I], of which the pixels before are known, and colours before.
            rows: what `rows` gives for this row.
            given: what else is known.
            place: all before were asked for in order.
        """
        given = given.at(place)

        def layer(block: GatedLayer, pixels: Array, passed: Array):
            return block.pixels(pixels, column_of(passed, place), given, place), None

        first, others = rows
        h, _ = layer(self.first, x, first)
        return self._outputs(self._layers(layer, h, others)[0])

    def _layers(self, call, carry: Any, inputs: Any) -> tuple[Any, Any]:
        if not self.num_layers:
            return carry, inputs
        return apply_stacked(
            self.layer,
            call,
            carry,
            inputs,
            length=self.num_layers,
            depth=fastest_depth(),
            memory="store",
        )

    def _outputs(self, h: Array) -> Array:
        return self.last(jax.nn.relu(self.head(jax.nn.relu(h))))


class GatedLayer(nn.Module):
    """One layer of both streams: tanh(a) sigmoid(b), where a and b are of a convolution.

    Attributes:
        features: C.
        colours: as in `GatedPixelCNN`.
        kernel_size: k.
        first: whether it is the first one, whose input is the image.
    """

    features: int
    colours: int
    kernel_size: int
    first: bool = False

    def setup(self):
        reach, gated = self.kernel_size // 2, 2 * self.features
        own = 0 if self.first else 1  # whether the row, the pixel itself is seen
        self.rows_conv = CausalConv(
            gated, (reach + own, 2 * reach + 1), stream="rows", strict=self.first
        )
        self.to_pixels = CausalConv(gated)
        # The first layer sees earlier colours of the pixel itself, where these have an order.
        width = reach + 1 if self.colours > 1 or not self.first else reach
        self.pixels_conv = CausalConv(
            gated, (1, width), strict=self.first, colours=self.colours, blocks=2
        )
        self.pixels_out = CausalConv(self.features, colours=self.colours)
        self.rows_given = Gates(gated)
        self.pixels_given = Gates(gated)

    def rows(self, x: Array, given: Given, place: Place | None = None) -> tuple[Array, Array]:
        """The stream of rows after the layer [B, H, W, C], and what it tells the other one."""
        x = self.rows_conv(x, place)
        return _gated(x + self.rows_given(given)), self.to_pixels(x)

    def pixels(self, x: Array, passed: Array, given: Given, place: Place | None = None) -> Array:
        """The stream of pixels after the layer, [B, H, W, C]; with a residual but for the first."""
        h = self.pixels_conv(x, place) + passed + self.pixels_given(given)
        h = self.pixels_out(_gated(h))
        return h if self.first else x + h


def _gated(x: Array) -> Array:
    a, b = jnp.split(x, 2, axis=-1)
    return jnp.tanh(a) * jax.nn.sigmoid(b)
