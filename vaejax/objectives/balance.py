"""Balancing the KL of the groups of a hierarchy, so that none of them dies while beta rises.

Reference: Vahdat & Kautz, NVAE, 2020, appendix A.
"""

import math
from collections.abc import Sequence

import jax
import numpy as np

from vaejax.types import AnyArray, Array, Latent

FLOOR = 0.01  # nats added to every group's KL, so that a dead group keeps some weight


def balancing_weights(kl: Array, sizes: AnyArray) -> Array:
    """The weights gamma [G], of mean 1, of the groups' KLs; no gradient flows through them.

    gamma_g = (|KL_g| + 0.01) / size_g, normalised: a group of large KL is pulled down more, one of
    a large scale less.

    Args:
        kl: [G], absolute KL of every group averaged over the batch, nats.
        sizes: [G], see `group_sizes`.
    """
    weights = (jax.lax.stop_gradient(kl) + FLOOR) / sizes
    return weights / weights.mean()


def group_sizes(latents: Sequence[Latent]) -> np.ndarray:
    """[G]: positions (h * w) of a group, shared among the groups of its scale; the smallest is 1.

    Groups with as many positions are of one scale.
    """
    positions = np.array([math.prod(latent.z.shape[1:-1]) for latent in latents])
    groups = (positions[:, None] == positions[None, :]).sum(1)
    sizes = positions / groups
    return sizes / sizes.min()
