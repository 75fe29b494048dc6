"""Causal images and rows and pixels of them, enlarged to twice the height and width.

Reference: Salimans et al., PixelCNN++, 2017, section 2.3.
"""

import flax.linen as nn
import jax.numpy as jnp

from vaejax.nn.causal import INITIAL_SCALE, Place, Stream
from vaejax.nn.conv import conv
from vaejax.nn.initializers import normal
from vaejax.nn.weight_norm import apply_with_first_norms
from vaejax.types import Array


class CausalTransposedConv(nn.Module):
    """A transposed convolution of stride 2, its parameters those of a normalised `CausalConv`.

    It undoes what a `CausalConv` of stride 2 does to the size. A pixel at row i and column j is
    seen at rows 2i and 2i + 1, none of which comes before it, and at columns 2j and 2j + 1; in the
    stream of rows, whose rows are known as a whole, at column 2j - 1 as well.

    Attributes:
        features: O.
        stream: of rows (kernel [2, 3, I, O]), or of pixels ([2, 2, I, O]).
        init_scale: standard deviation of the outputs of the first batch.
    """

    features: int
    stream: Stream
    init_scale: float = 1.0

    @nn.compact
    def __call__(self, x: Array, place: Place | None = None) -> Array:
        """[B, H, W, I] -> [B, 2H, 2W, O].

        Args:
            x: everywhere, or that of a place: [B, 1, W, I] or [B, 1, 1, I].
            place: of the outputs, where no more than one row or pixel of them is asked for.
        """
        width = 3 if self.stream == "rows" else 2
        shape = (2, width, x.shape[-1], self.features)
        kernel = self.param("kernel", normal(INITIAL_SCALE), shape)
        y = apply_with_first_norms(
            self, lambda kernel: _enlarged(x, kernel.astype(x.dtype)), kernel, self.init_scale
        )
        if place is None:
            return y
        column = None if place.column is None else place.column % 2
        return Place(place.row % 2, column, width=place.width).of(y)


def _enlarged(x: Array, kernel: Array) -> Array:
    """As a convolution without zeros between the pixels, four outputs at a time.

    Column 2j + b of the outputs sees pixel j by tap b (of a kernel of two columns), and by tap
    b + 1 (of one of three, which begins at -1); column 2j + 1 then sees pixel j + 1 by tap 0 too.
    """
    _, width, inputs, outputs = kernel.shape
    if width == 3:
        kernel = jnp.pad(kernel, ((0, 0), (1, 0), (0, 0), (0, 0)))
    taps = kernel.shape[1] // 2  # pixels seen: j and those to the right
    kernel = kernel.reshape(2, taps, 2, inputs, outputs)[:, ::-1]
    kernel = kernel.transpose(1, 3, 0, 2, 4).reshape(1, taps, inputs, 4 * outputs)
    y = conv(x, kernel, padding=((0, 0), (0, taps - 1)))
    batch, height, width, _ = y.shape
    y = y.reshape(batch, height, width, 2, 2, outputs).transpose(0, 1, 3, 2, 4, 5)
    return y.reshape(batch, 2 * height, 2 * width, outputs)
