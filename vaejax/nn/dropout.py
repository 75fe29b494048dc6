"""Dropout by example and place: an example loses the same features in whatever batch it is.

Reference: Srivastava et al., Dropout: a simple way to prevent neural networks from overfitting,
2014; scaled in training, so that nothing has to be scaled later.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np

from vaejax.nn.noise import draw_each, part_keys
from vaejax.types import Array

LEVELS = 2**16  # a rate is a multiple of 1 / LEVELS


def dropout(x: Array, keys: Array | None, rate: float, site: int | Array) -> Array:
    """`x` with features set to zero at a rate, the others divided by 1 - rate.

    What example b loses is a function of its key and the site alone, so a step drops the same on
    one device, on eight, under `jit`, under `pmap` and in microbatches.

    Args:
        x: [B, ...].
        keys: [B], one per example; None drops nothing, as in evaluations.
        rate: in [0, 1), rounded to 16 bits.
        site: number of the place in the network, different for all that are given these keys.
    """
    if not 0.0 <= rate < 1.0:
        raise ValueError(f"rate: expected a number in [0, 1), got {rate}")
    dropped = min(round(rate * LEVELS), LEVELS - 1)
    if keys is None or dropped == 0:
        return x
    size = math.prod(x.shape[1:])
    # Two features share a word of 32 bits: drawing the bits is all that dropout costs on CPU.
    words = draw_each(jax.random.bits, part_keys(keys, site), (-(-size // 2),))  # [B, size / 2]
    halves = jax.lax.bitcast_convert_type(words, jnp.uint16).reshape(len(x), -1)
    kept = (halves[:, :size] >= np.uint16(dropped)).reshape(x.shape)
    return jnp.where(kept, x * (LEVELS / (LEVELS - dropped)), 0)
