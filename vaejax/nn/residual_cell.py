"""NVAE's residual cells: skip(x) + 0.1 SE(operations(x)), at the same, half or double size.

Reference: Vahdat & Kautz, NVAE, 2020, section 3.1 and figure 3.
"""

from collections.abc import Callable

import flax.linen as nn
import jax.numpy as jnp

from vaejax.nn.cell_operations import Resample
from vaejax.nn.resize import bilinear_double
from vaejax.nn.squeeze_excite import SqueezeExcite
from vaejax.nn.swish import swish
from vaejax.nn.weight_norm import WeightNormConv
from vaejax.types import Array

Operation = Callable[..., nn.Module]
"""`(features, resample, name=...) -> ` a module called with `(x, train)`."""

RESIDUAL_SCALE = 0.1


class FactorizedReduce(nn.Module):
    """Half the size: four 1x1 convolutions, one for each of the four pixels of a 2x2 block."""

    features: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        x = swish(x)
        quarter = self.features // 4
        widths = (quarter, quarter, quarter, self.features - 3 * quarter)
        corners = ((0, 0), (1, 1), (0, 1), (1, 0))
        parts = [
            WeightNormConv(width, 1, name=f"conv_{i}")(x[:, row::2, column::2])
            for i, (width, (row, column)) in enumerate(zip(widths, corners, strict=True))
        ]
        return jnp.concatenate(parts, -1)


class ResidualCell(nn.Module):
    """skip(x) + 0.1 SE(operations(x)).

    Attributes:
        features: output channels.
        operations: applied in this order; the first one resamples and changes the channels.
        resample: the size of the output relative to the input's.
        squeeze_excite: whether channels are gated.
    """

    features: int
    operations: tuple[Operation, ...]
    resample: Resample = "same"
    squeeze_excite: bool = True

    @nn.compact
    def __call__(self, x: Array, train: bool) -> Array:
        """[B, H, W, C] -> [B, H', W', features]."""
        residual = x
        for i, operation in enumerate(self.operations):
            resample = "same" if i else self.resample
            residual = operation(self.features, resample, name=f"operation_{i}")(residual, train)
        if self.squeeze_excite:
            residual = SqueezeExcite(name="gate")(residual)
        return self._skip(x) + RESIDUAL_SCALE * residual

    def _skip(self, x: Array) -> Array:
        if self.resample == "down":
            return FactorizedReduce(self.features, name="skip")(x)
        if self.resample == "up":
            # Both maps are linear, so the convolution may come first, where there are fewer pixels.
            return bilinear_double(WeightNormConv(self.features, 1, use_bias=False, name="skip")(x))
        return x
