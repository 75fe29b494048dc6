"""Convolutions that look at what comes before alone, for whole images and for one pixel more.

Pixels come row by row, from left to right. A network of such layers is made of two streams (van den
Oord et al., 2016; Salimans et al., 2017): that of *rows* sees rows above as a whole and its own,
that of *pixels* what lies above and to the left. Kernels are no larger than what they see, so that
nothing is multiplied by the zeros of a mask, and together they leave no blind spot. The first layer
of each stream is `strict`: it does not see the row, the pixel that it computes; all others do.

An image is drawn pixel by pixel, and to compute all of it again for each would cost H W times as
much. Given a `Place` a layer computes what belongs to it alone, from what it keeps of the
activations before (Ramachandran et al., Fast generation for convolutional autoregressive models,
2017).

References:
    van den Oord et al., Conditional image generation with PixelCNN decoders, 2016 (two streams).
    Salimans et al., PixelCNN++, 2017 (shifts in place of masks).
"""

from typing import Literal, NamedTuple

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import lax

from vaejax.nn.conv import conv
from vaejax.nn.initializers import glorot_uniform, normal
from vaejax.nn.weight_norm import apply_with_first_norms
from vaejax.types import Array

Stream = Literal["rows", "pixels"]
INITIAL_SCALE = 0.05  # of normal draws, where weights are normalised


@struct.dataclass
class Place:
    """Where the next pixel is, or the next row.

    Attributes:
        row: its number.
        column: likewise; None for a whole row.
        width: W, of the whole.
    """

    row: Array
    column: Array | None = None
    width: int = struct.field(pytree_node=False, kw_only=True)

    def of(self, x: Array) -> Array:
        """What is there, of [..., H, W, C]: [..., 1, 1, C], or the row [..., 1, W, C]."""
        x = lax.dynamic_slice_in_dim(x, self.row, 1, axis=-3)
        if self.column is None:
            return x
        return lax.dynamic_slice_in_dim(x, self.column, 1, axis=-2)


class Given(NamedTuple):
    """What a network knows besides what comes before.

    Attributes:
        vector: [B, E], the same everywhere: a class, a code.
        map: [B, H, W, E], of which a place sees its own.
    """

    vector: Array | None = None
    map: Array | None = None

    def at(self, place: Place) -> "Given":
        """What is known at a place: of the map, what is there."""
        return self if self.map is None else self._replace(map=place.of(self.map))


NOTHING = Given()


def colour_of(num_features: int, colours: int, blocks: int = 1) -> np.ndarray:
    """The colour that each feature belongs to: equal shares in order, in each of several blocks."""
    size = num_features // blocks
    return np.tile(np.arange(size) * colours // size, blocks)


class CausalConv(nn.Module):
    """A convolution of what comes before, with the parameters `kernel` [h, w, I, O] and `bias` [O].

    At row i and column j the stream of rows sees rows i - h + 1 to i and columns j - w // 2 to
    j + w // 2; that of pixels the same rows and columns j - w + 1 to j. A strict one sees one row
    less, one column less, and as many more before: i - h to i - 1, j - w to j - 1.

    Attributes:
        features: O.
        kernel: (h, w); w is odd in the stream of rows. Without taps the bias is all there is.
        stream: of rows, or of pixels.
        strict: whether what it computes is left out of what it sees.
        stride: by which height and width shrink.
        colours: of one image, which come one after another: features of a colour see at the pixel
            itself those of the same and of earlier colours, of earlier ones alone if it is strict
            (which then sees the pixel). 1 knows of none.
        blocks: of features, in each of which colours have equal shares.
        output_colours: the colour of every feature, where it is not that.
        init_scale: weights have norms of their own (`log_norm` [O]), and the first batch has
            outputs of mean 0 and this standard deviation; None has plain weights.
    """

    features: int
    kernel: tuple[int, int] = (1, 1)
    stream: Stream = "pixels"
    strict: bool = False
    stride: int = 1
    colours: int = 1
    blocks: int = 1
    output_colours: tuple[int, ...] | None = None
    init_scale: float | None = None

    @nn.compact
    def __call__(self, x: Array, place: Place | None = None) -> Array:
        """[B, H, W, I] -> [B, ceil(H / stride), ceil(W / stride), O].

        Args:
            x: the whole input.
            place: computes what is there alone, [B, 1, W / stride, O] or [B, 1, 1, O]. A strict
                layer is still given the whole input, of which what comes before is known; every
                other what is new of it, [B, 1, W, I] or [B, 1, 1, I], at every place in order.
        """
        if place is None:
            return self._convolved(x, self._sides)
        window = self._strict_window(x, place) if self.strict else self._kept_window(x, place)
        across = self._sides[1] if self.stream == "rows" else (0, 0)
        return self._convolved(window, ((0, 0), across))

    @property
    def _sees_itself(self) -> bool:
        """Whether the pixel itself is seen, some of its colours at least."""
        return not self.strict or self.colours > 1

    @property
    def _sides(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Zeros around a whole input; after the first row it is shifted where that is negative."""
        h, w = self.kernel
        shifted = not self._sees_itself
        if self.stream == "rows":
            return ((h, -1) if shifted else (h - 1, 0)), (w // 2, w // 2)
        return (h - 1, 0), ((w, -1) if shifted else (w - 1, 0))

    def _convolved(self, x: Array, sides: tuple[tuple[int, int], tuple[int, int]]) -> Array:
        shape = (*self.kernel, x.shape[-1], self.features)
        if 0 in shape:
            return self._with_bias(jnp.zeros((*x.shape[:-1], self.features), x.dtype))
        if self.init_scale is None:
            kernel = self.param("kernel", glorot_uniform, shape)
        else:
            kernel = self.param("kernel", normal(INITIAL_SCALE), shape)
        mask = self._mask(shape)
        kernel = kernel if mask is None else kernel * mask

        def applied(kernel: Array) -> Array:
            return conv(x, kernel.astype(x.dtype), stride=self.stride, padding=sides)

        if self.init_scale is None:
            return self._with_bias(applied(kernel))
        return apply_with_first_norms(self, applied, kernel, self.init_scale)

    def _with_bias(self, y: Array) -> Array:
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        return y + bias.astype(y.dtype).reshape(1, 1, 1, -1)

    def _mask(self, shape: tuple[int, ...]) -> np.ndarray | None:
        """Ones where a kernel may look, at the pixel itself; None if that is everywhere."""
        if self.colours == 1 or self.stream == "rows":
            return None
        ours = self.output_colours or colour_of(self.features, self.colours, self.blocks)
        theirs = colour_of(shape[2], self.colours)
        seen = np.less if self.strict else np.less_equal
        mask = np.ones(shape, np.float32)
        mask[-1, -1] = seen(theirs[:, None], np.asarray(ours)[None, :])
        return mask

    def _strict_window(self, x: Array, place: Place) -> Array:
        """What is seen from a place of the whole input."""
        h, w = self.kernel
        (above, _), (left, _) = self._sides
        if place.column is None:  # rows i - h to i - 1
            return lax.dynamic_slice_in_dim(_padded(x, above, 0), place.row, h, axis=1)
        rows = lax.dynamic_slice_in_dim(_padded(x, above, left), place.row, h, axis=1)
        return lax.dynamic_slice_in_dim(rows, place.column, w, axis=2)

    def _kept_window(self, x: Array, place: Place) -> Array:
        """What is seen from a place: of what is kept, and of what is new and will be kept."""
        h, w = self.kernel
        batch, _, _, features = x.shape
        if self.stream == "rows":
            if h == 1:
                return x
            shape = (batch, h - 1, place.width, features)
            above = self.variable("cache", "above", jnp.zeros, shape, x.dtype)
            window = jnp.concatenate([above.value, x], axis=1)
            above.value = window[:, 1:]
            return window
        if (h, w) == (1, 1):
            return x
        assert place.column is not None
        # A ring of rows: what is written over is h rows above and is not seen any more.
        shape = (batch, h, w - 1 + place.width, features)
        rows = self.variable("cache", "rows", jnp.zeros, shape, x.dtype)
        rows.value = put(rows.value, x, place.row % h, place.column + w - 1)
        window = lax.dynamic_slice_in_dim(rows.value, place.column, w, axis=2)
        return window if h == 1 else jnp.roll(window, -(place.row + 1) % h, axis=1)


def with_ones(x: Array) -> Array:
    """With a feature by which an image can be told from the zeros around it."""
    return jnp.concatenate([x, jnp.ones_like(x[..., :1])], -1)


def column_of(row: Array, place: Place) -> Array:
    """The pixel of a row at a place: [..., 1, W, C] -> [..., 1, 1, C]."""
    assert place.column is not None
    return lax.dynamic_slice_in_dim(row, place.column, 1, axis=-2)


def put(x: Array, pixel: Array, row: Array, column: Array) -> Array:
    """An array [B, H, W, C] with the pixel [B, 1, 1, C] at that place."""
    zero = jnp.zeros_like(row)
    return lax.dynamic_update_slice(x, pixel, (zero, row, column, zero))


def _padded(x: Array, above: int, left: int) -> Array:
    return jnp.pad(x, ((0, 0), (above, 0), (left, 0), (0, 0)))
