"""Squeeze-and-excitation: channels gated by what the whole image holds.

Reference: Hu et al., Squeeze-and-excitation networks, 2018.
"""

import flax.linen as nn
import jax

from vaejax.nn.initializers import bias_init, kernel_init
from vaejax.types import Array


class SqueezeExcite(nn.Module):
    """x * sigmoid(W2 relu(W1 mean(x))), with max(C / 16, 4) hidden units."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """[B, H, W, C] -> [B, H, W, C]."""
        channels = x.shape[-1]
        hidden = max(channels // 16, 4)
        gates = x.mean((1, 2))  # [B, C]
        gates = jax.nn.relu(_dense(hidden, channels, "squeeze", x)(gates))
        gates = jax.nn.sigmoid(_dense(channels, hidden, "excite", x)(gates))
        return x * gates[:, None, None, :]


def _dense(features: int, fan_in: int, name: str, x: Array) -> nn.Dense:
    return nn.Dense(
        features, kernel_init=kernel_init, bias_init=bias_init(fan_in), dtype=x.dtype, name=name
    )
