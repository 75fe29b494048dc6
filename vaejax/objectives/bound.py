"""The evidence lower bound as numbers: what every VAE objective is made of and reports.

    log p(x) >= ELBO = E_q[log p(x | z)] - sum_g KL(q(z_g | x, ...) || p(z_g | ...))

Objectives differ only in what they make of the two terms; `variational` holds the rest.
"""

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import jax.numpy as jnp

from vaejax.core.mesh import (
    gather_over_shards,
    mean_over_shards,
    sum_over_shards,
    with_positions,
)
from vaejax.distributions import bits_per_dim
from vaejax.objectives.passes import Estimate, Pass, initialised, one_draw
from vaejax.objectives.views import PLAYER, views_of
from vaejax.types import PER_EXAMPLE, Array, Batch, Latent, Metrics, Objective, VAEOutput

Reduction = Literal["sum", "mean"]
Divergence = Callable[[Array, VAEOutput, Batch, Array], tuple[Array, Metrics]]
"""`(kl, output, batch, step) -> (term of the loss, its metrics)`; `kl` is the batch mean, nats."""


_BOUND = ("reconstruction", "log_px", "kl", "kl_dims", "elbo")  # in nats per image


def variational(
    model: Any,
    divergence: Divergence,
    reduction: Reduction = "sum",
    in_nats: Sequence[str] = (),
    estimate: Estimate = one_draw,
) -> Objective:
    """The objective `reconstruction + divergence(kl)` of a model with a single player.

    Args:
        model: a flax module returning `VAEOutput` for `(batch, noise=..., train=...)`; its other
            methods are the objective's views, see `vaejax.objectives.views`.
        divergence: what the KL contributes to the loss.
        reduction: "sum" takes -log p(x | z) in nats per image; "mean" divides it by the number of
            pixels times channels scored (nats per dimension), as Keras-style VAEs do, so that a
            given beta weighs more by that number.
        in_nats: those metrics of the divergence that are in nats per image.
        estimate: from a pass and the model's parameters to the output that the bound is made of and
            the state after it; a single draw of the codes, if nothing else is said.

    Returns:
        An objective with the metrics `loss`, `reconstruction` or `reconstruction_per_dim`,
        `log_px`, `kl`, `elbo`, `kl/<group>` (nats per image), `kl_dims/<group>` [D] (nats per
        latent dimension, summed over positions, where the KL comes apart so) and `elbo_bpd` (bits
        per dimension); in an evaluation also, `PER_EXAMPLE`, those of `log_px`, `kl`, `elbo` and
        `elbo_bpd`. Of a model without latents there is no `kl`, and `elbo` is log p(x) itself.
    """
    if reduction not in ("sum", "mean"):
        raise ValueError(f"reduction: expected 'sum' or 'mean', got {reduction!r}")
    views = views_of(model)

    def loss(params, model_state, batch: Batch, rng: Array, step: Array, train: bool):
        batch = with_positions(batch)  # of whoever calls it without a step
        passing = Pass(model, model_state, batch, rng, train)
        output, new_state = estimate(passing, params[PLAYER])
        num_dims = views.num_dims or math.prod(batch["image"].shape[1:])
        metrics = bound_metrics(output, batch.get("mask"), num_dims)
        kl = metrics.get("kl", jnp.zeros_like(metrics["log_px"]))
        term, extra = divergence(kl, output, batch, step)
        if reduction == "sum":
            name, reconstruction = "reconstruction", -metrics["log_px"]
        else:
            name, reconstruction = "reconstruction_per_dim", -metrics["log_px"] / num_dims
        total = reconstruction + term
        metrics = {"loss": total, name: reconstruction, **metrics, **extra}
        if not train:
            metrics[PER_EXAMPLE] = bound_per_example(output, batch.get("mask"), num_dims)
        return total, (metrics, new_state)

    init = functools.partial(initialised, model)
    return Objective(init, loss, views, nats(*_BOUND, *in_nats))


def nats(*names: str) -> tuple[tuple[str, str], ...]:
    """`Objective.units` of metrics in nats per image."""
    return tuple((name, "nats/image") for name in names)


def bound_metrics(output: VAEOutput, mask: Array | None, num_dims: int) -> Metrics:
    """Batch means of the bound and its parts; no KL, where there are no latents.

    Args:
        output: of a model.
        mask: [B], 1 for examples that count; None counts all.
        num_dims: pixels times channels that are scored of an image.
    """
    log_px = batch_mean(output.log_px, mask)
    metrics = {}
    kl = jnp.zeros_like(log_px)
    for g, latent in enumerate(output.latents):
        metrics[f"kl/{g}"] = batch_mean(latent.kl, mask)
        if latent.kl_dims is not None:
            metrics[f"kl_dims/{g}"] = batch_mean(latent.kl_dims, mask)
        kl += metrics[f"kl/{g}"]
    return _bound(log_px, kl if output.latents else None, num_dims) | metrics


def bound_per_example(output: VAEOutput, mask: Array | None, num_dims: int) -> Metrics:
    """The bound and its parts for every example of the global batch, [B]; see `bound_metrics`."""
    kl = sum((latent.kl for latent in output.latents), jnp.zeros_like(output.log_px))
    return per_example(_bound(output.log_px, kl if output.latents else None, num_dims), mask)


def _bound(log_px: Array, kl: Array | None, num_dims: int) -> Metrics:
    elbo = log_px if kl is None else log_px - kl
    divergence = {} if kl is None else {"kl": kl}
    bits = bits_per_dim(-elbo, num_dims)
    return {"log_px": log_px, **divergence, "elbo": elbo, "elbo_bpd": bits}


def per_example(values: Mapping[str, Array], mask: Array | None) -> Metrics:
    """The entry `PER_EXAMPLE` of an evaluation's metrics, from the values [B] of this shard."""
    mask = jnp.ones(len(next(iter(values.values())))) if mask is None else mask
    return gather_over_shards({**values, "mask": mask})


def vector_latent(latents: tuple[Latent, ...], who: str) -> Latent:
    """The latent [B, D] of a model that has a single group of vectors.

    Args:
        latents: of the model.
        who: needs it, for the message.

    Raises:
        ValueError: there is another number of groups, or the group is no vector.
    """
    shapes = [latent.z.shape[1:] for latent in latents]
    if len(shapes) != 1 or len(shapes[0]) != 1:
        raise ValueError(f"{who}: expected a model with one group of latents [B, D], got {shapes}")
    return latents[0]


def gaussian_latent(latents: tuple[Latent, ...], who: str) -> Latent:
    """As `vector_latent`, where its posterior is a Gaussian; a ValueError where it is not."""
    latent = vector_latent(latents, who)
    if latent.posterior is None:
        raise ValueError(f"{who}: expected a model with a Gaussian posterior, got another")
    return latent


def batch_covariance(z: Array, mask: Array | None = None) -> Array:
    """Covariance [D, D] of codes [B, D] over the examples that count, a plain average."""
    centred = z - batch_mean(z, mask)[None]
    return batch_mean(centred[:, :, None] * centred[:, None, :], mask)


def batch_mean(values: Array, mask: Array | None = None) -> Array:
    """Mean of [B, ...] over the examples that `mask` [B] counts (all, if None).

    Under pmap it is the mean over the global batch, so that objectives may do with it what they
    like; the mean over devices of each one's gradient is then the gradient of the global loss.
    """
    if mask is None:
        return mean_over_shards(values.mean(0))
    total, count = sum_over_shards((jnp.tensordot(mask, values, axes=1), mask.sum()))
    return total / jnp.maximum(count, 1.0)
