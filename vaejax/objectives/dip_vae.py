"""DIP-VAE: the aggregate posterior's covariance is pulled towards the identity.

Kumar, Sattigeri, Balakrishnan, "Variational Inference of Disentangled Latent Concepts from
Unlabeled Observations", ICLR 2018, Eq. 5 and 6.
"""

from typing import Any, Literal, cast

import jax.numpy as jnp

from vaejax.core.checks import check_number
from vaejax.objectives.bound import (
    Reduction,
    batch_covariance,
    batch_mean,
    gaussian_latent,
    variational,
)
from vaejax.types import Array, Batch, Gaussian, Latent, Objective, VAEOutput

Kind = Literal["i", "ii"]


def dip_vae(
    model: Any,
    *,
    kind: Kind = "i",
    off_diagonal: float = 10.0,
    diagonal: float | None = None,
    reduction: Reduction = "sum",
) -> Objective:
    """Reconstruction + KL + lambda_od sum_{i != j} C_ij^2 + lambda_d sum_i (C_ii - 1)^2.

    Args:
        model: a flax module returning `VAEOutput` with one Gaussian latent [B, D].
        kind: "i": C is the covariance of the posterior means; "ii": that of z.
        off_diagonal: lambda_od.
        diagonal: lambda_d; None takes the study's 10 lambda_od for "i", lambda_od for "ii".
        reduction: of the reconstruction over pixels; see `variational`.

    Returns:
        An objective that also reports `covariance_loss`.
    """
    if kind not in ("i", "ii"):
        raise ValueError(f"kind: expected 'i' or 'ii', got {kind!r}")
    for name, value in (("off_diagonal", off_diagonal), ("diagonal", diagonal)):
        if value is not None:
            check_number(name, value, lambda x: x >= 0, "a number >= 0")
    if diagonal is None:
        diagonal = {"i": 10.0, "ii": 1.0}[kind] * off_diagonal

    def divergence(kl: Array, output: VAEOutput, batch: Batch, step: Array):
        del step
        covariance = code_covariance(
            gaussian_latent(output.latents, "dip_vae"), kind, batch.get("mask")
        )
        penalty = identity_penalty(covariance, off_diagonal, diagonal)
        return kl + penalty, {"covariance_loss": penalty}

    return variational(model, divergence, reduction)


def code_covariance(latent: Latent, kind: Kind, mask: Array | None = None) -> Array:
    """Covariance [D, D] over the batch, of the posterior means ("i") or of z ("ii").

    Cov z = Cov_x E[z|x] + E_x Cov[z|x]; both as plain averages over the examples that count.

    Args:
        latent: with a Gaussian posterior, [B, D].
        kind: which.
        mask: [B], 1 for examples that count; None counts all.
    """
    posterior = cast(Gaussian, latent.posterior)
    covariance = batch_covariance(posterior.loc, mask)
    if kind == "ii":
        covariance += jnp.diag(batch_mean(posterior.scale**2, mask))
    return covariance


def identity_penalty(covariance: Array, off_diagonal: float, diagonal: float) -> Array:
    """Weighted squared distance of [D, D] from the identity."""
    own = jnp.diagonal(covariance)
    off = (covariance**2).sum() - (own**2).sum()
    return off_diagonal * off + diagonal * ((own - 1.0) ** 2).sum()
