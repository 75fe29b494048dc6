"""Free bits: a latent whose KL is below a floor costs the floor, and is not pushed to carry less.

    sum_j max(lambda, E_x[KL_j(x)])

over the latents j of all groups: the last axis of their codes, summed over positions (channels).
The average is over the global batch, in microbatches over each of them.

Reference: Kingma et al., Improving variational inference with inverse autoregressive flow, 2016,
    Eq. 15, where a subset of latents is one of them.
"""

from collections.abc import Sequence

import jax.numpy as jnp

from vaejax.core.checks import check_number
from vaejax.objectives.bound import batch_mean
from vaejax.types import Array, Latent


def with_free_bits(latents: Sequence[Latent], floor: float, mask: Array | None) -> Array:
    """What the KL of a batch costs, nats per image.

    Args:
        latents: one group or more, whose KL comes apart by latent, `kl_terms` or `kl_dims`.
        floor: lambda, nats per latent.
        mask: [B], 1 for examples that count; None counts all.

    Raises:
        ValueError: the KL of some group does not come apart.
    """
    costs = [jnp.maximum(floor, batch_mean(_by_latent(x, g), mask)) for g, x in enumerate(latents)]
    return jnp.concatenate(costs).sum()


def check_free_bits(floor: float, balance: bool, gradient: str) -> None:
    """Raise ValueError unless a floor is a number, and fits what else the objective is to do."""
    check_number("free_bits", floor, lambda x: x >= 0, "a number >= 0 (nats per latent) or None")
    if balance:
        raise ValueError(
            "free_bits: expected None with balance, which weighs groups while this weighs their "
            f"latents, got {floor}"
        )
    if gradient != "reparameterised":
        raise ValueError(
            f"free_bits: expected None with gradient={gradient!r}, which is of the KL as a whole, "
            f"got {floor}"
        )


def _by_latent(latent: Latent, group: int) -> Array:
    """KL by latent, [B, D]."""
    terms = latent.kl_dims if latent.kl_terms is None else latent.kl_terms
    if terms is None:
        raise ValueError(
            "free_bits: expected a model whose KL comes apart by latent (kl_dims or kl_terms), got "
            f"one where that of group {group} does not"
        )
    return terms
