"""Batch normalisation over the global batch, with PyTorch's running statistics.

flax's own takes the biased variance for its running average and needs to be told the name of a
mapped axis; here the batch is whatever `vaejax.core.mesh` says it is.

Reference: Ioffe & Szegedy, Batch normalization, 2015.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from vaejax.core.mesh import mean_over_shards, sum_over_shards
from vaejax.types import Array

EPSILON = 1e-5
MOMENTUM = 0.05  # share of the newest batch in the running statistics


class BatchNorm(nn.Module):
    """(x - mean) / sqrt(var + 1e-5) * scale + bias per channel.

    Training normalises with the mean and biased variance of the global batch, and moves the running
    statistics (collection `batch_stats`) by 5 % towards its mean and unbiased variance; evaluation
    normalises with the running ones. Statistics are computed in float32 at least.

    Attributes:
        repeats: how often every value counts, 4 where pixels are repeated afterwards; only the
            unbiased variance can tell.
    """

    repeats: int = 1

    @nn.compact
    def __call__(self, x: Array, train: bool) -> Array:
        """[B, H, W, C] -> [B, H, W, C], in the type of `x`."""
        features = x.shape[-1:]
        scale = self.param("scale", nn.initializers.ones, features)
        bias = self.param("bias", nn.initializers.zeros, features)
        running_mean = self.variable("batch_stats", "mean", jnp.zeros, features)
        running_var = self.variable("batch_stats", "var", jnp.ones, features)
        if train:
            mean, var, count = _moments(x)
            if not self.is_initializing():
                count *= self.repeats
                unbiased = var * (count / jnp.maximum(count - 1, 1))
                running_mean.value += MOMENTUM * (mean - running_mean.value)
                running_var.value += MOMENTUM * (unbiased - running_var.value)
        else:
            mean, var = running_mean.value, running_var.value
        factor = scale * jax.lax.rsqrt(var + EPSILON)
        shift = bias - mean * factor
        factor, shift = (v.reshape(1, 1, 1, -1) for v in (factor, shift))
        return (x * factor + shift).astype(x.dtype)


def _moments(x: Array) -> tuple[Array, Array, Array]:
    """Mean and biased variance [C] of the global batch, and the number of values in each."""
    x = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    mean = mean_over_shards(x.mean((0, 1, 2)))
    var = mean_over_shards(_mean_square(x, mean))
    count = sum_over_shards(jnp.asarray(x.size // x.shape[-1], x.dtype))
    return mean, var, count


@jax.custom_jvp
def _mean_square(x: Array, mean: Array) -> Array:
    """Mean square [C] of the deviations of `x` from the mean of the global batch."""
    return jnp.square(x - mean.reshape(1, 1, 1, -1)).mean((0, 1, 2))


@_mean_square.defjvp
def _mean_square_jvp(primals, tangents):
    """d var = 2 E[(x - mean) dx]: -2 E[x - mean] d mean is zero, yet costs a pass over `x`."""
    x, mean = primals
    deviation = x - mean.reshape(1, 1, 1, -1)
    return _mean_square(x, mean), (2.0 * deviation * tangents[0]).mean((0, 1, 2))
