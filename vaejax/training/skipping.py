"""Which training steps are taken: not those that are not finite, nor those that explode.

A step is skipped if its gradient norm is more than `factor` times the running norm. Unlike a fixed
threshold this cannot block a run for ever: a skipped norm counts too, as `factor` times the running
one, which therefore grows by 1 + 0.01 (factor - 1) with every skip, until the steps pass again. At
a factor of 10 gradients that have become 1000 times as large for good are taken after 54 skips.

Reference: Child, Very deep VAEs, 2021, skips at a fixed threshold (and openai/vdvae#25 for ever).
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from vaejax.types import Array

SHARE = 0.01  # of the newest step in the running norm


class Guard(NamedTuple):
    """What is remembered of the steps so far; as constructed, of none.

    Attributes:
        norm: moving average of the gradient norm, float32; 0 before the first finite one.
        num_skipped: steps skipped so far, int32.
        num_in_a_row: how many of them since the last one taken, int32.
    """

    norm: Array | np.float32 = np.float32(0.0)
    num_skipped: Array | np.int32 = np.int32(0)
    num_in_a_row: Array | np.int32 = np.int32(0)


def judge(guard: Guard, loss: Array, norm: Array, factor: float) -> tuple[Array, Guard]:
    """Whether to take a step of this loss and gradient norm, and the guard after it.

    A `factor` of inf refuses what is not finite and nothing else.
    """
    finite = jnp.isfinite(loss) & jnp.isfinite(norm)
    begun = guard.norm > 0
    limit = factor * jnp.where(begun, guard.norm, jnp.inf)  # never inf * 0
    taken = finite & (norm <= limit)
    moved = guard.norm + SHARE * (jnp.minimum(norm, limit) - guard.norm)
    running = jnp.where(finite, jnp.where(begun, moved, norm), guard.norm)
    skipped = 1 - taken.astype(jnp.int32)
    return taken, Guard(
        norm=running.astype(guard.norm.dtype),
        num_skipped=guard.num_skipped + skipped,
        num_in_a_row=skipped * (guard.num_in_a_row + 1),
    )
