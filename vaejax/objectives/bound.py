"""The evidence lower bound as numbers: what every VAE objective is made of and reports.

    log p(x) >= ELBO = E_q[log p(x | z)] - sum_g KL(q(z_g | x, ...) || p(z_g | ...))

Objectives differ only in what they make of the two terms; `variational` holds the rest.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import jax
import jax.numpy as jnp

from vaejax.distributions import bits_per_dim, num_scored, sum_events
from vaejax.nn.noise import part_rng
from vaejax.parallel import gather_over_shards, mean_over_shards, sum_over_shards
from vaejax.types import PER_EXAMPLE, Array, Batch, Latent, Metrics, Objective, VAEOutput

Reduction = Literal["sum", "mean"]
Divergence = Callable[[Array, VAEOutput, Batch, Array], tuple[Array, Metrics]]
"""`(kl, output, batch, step) -> (term of the loss, its metrics)`; `kl` is the batch mean, nats."""


def variational(model: Any, divergence: Divergence, reduction: Reduction = "sum") -> Objective:
    """The objective `reconstruction + divergence(kl)` of a model with a single player.

    Args:
        model: a flax module returning `VAEOutput` for `(images, train=..., noise=...)`.
        divergence: what the KL contributes to the loss.
        reduction: "sum" takes -log p(x | z) in nats per image; "mean" divides it by the number of
            pixels times channels scored (nats per dimension), as Keras-style VAEs do, so that a
            given beta weighs more by that number.

    Returns:
        An objective with the metrics `loss`, `reconstruction` or `reconstruction_per_dim`,
        `log_px`, `kl`, `elbo`, `kl/<group>` (nats per image), `kl_dims/<group>` [D] (nats per
        latent dimension, summed over positions) and `elbo_bpd` (bits per dimension); in an
        evaluation also, `PER_EXAMPLE`, those of `log_px`, `kl`, `elbo` and `elbo_bpd`.
    """
    if reduction not in ("sum", "mean"):
        raise ValueError(f"reduction: expected 'sum' or 'mean', got {reduction!r}")

    def init(rng: Array, batch: Batch):
        _check_images(batch["image"])
        params_rng, latent_rng, dropout_rng = jax.random.split(rng, 3)
        variables = dict(
            model.init(
                {"params": params_rng, "latent": latent_rng, "dropout": dropout_rng},
                batch["image"],
                train=False,
            )
        )
        return {"model": variables.pop("params")}, variables

    def loss(params, model_state, batch: Batch, rng: Array, step: Array, train: bool):
        latent_rng, dropout_rng = jax.random.split(rng)
        output, new_state = model.apply(
            {"params": params["model"], **model_state},
            batch["image"],
            train=train,
            noise=batch.get("noise"),
            rngs={"latent": latent_rng, "dropout": part_rng(dropout_rng)},
            mutable=list(model_state) if train else [],
        )
        num_dims = num_scored(output.likelihood, batch["image"])
        metrics = bound_metrics(output, batch.get("mask"), num_dims)
        term, extra = divergence(metrics["kl"], output, batch, step)
        if reduction == "sum":
            name, reconstruction = "reconstruction", -metrics["log_px"]
        else:
            name, reconstruction = "reconstruction_per_dim", -metrics["log_px"] / num_dims
        total = reconstruction + term
        metrics = {"loss": total, name: reconstruction, **metrics, **extra}
        if not train:
            metrics[PER_EXAMPLE] = bound_per_example(output, batch.get("mask"), num_dims)
        return total, (metrics, new_state if train else model_state)

    return Objective(init, loss)


def _check_images(images: Array) -> None:
    if images.ndim != 4 or not jnp.issubdtype(images.dtype, jnp.floating):
        raise ValueError(
            f"image: expected floats [B, H, W, C], got {images.dtype} {list(images.shape)}"
        )


def bound_metrics(output: VAEOutput, mask: Array | None, num_dims: int) -> Metrics:
    """Batch means of the bound and its parts.

    Args:
        output: of a model.
        mask: [B], 1 for examples that count; None counts all.
        num_dims: of an image, see `num_scored`.
    """
    log_px = batch_mean(output.log_px, mask)
    metrics = {}
    kl = jnp.zeros_like(log_px)
    for g, latent in enumerate(output.latents):
        dims = latent.kl.reshape(latent.kl.shape[0], -1, latent.kl.shape[-1]).sum(1)  # [B, D]
        metrics[f"kl/{g}"] = batch_mean(sum_events(latent.kl), mask)
        metrics[f"kl_dims/{g}"] = batch_mean(dims, mask)
        kl += metrics[f"kl/{g}"]
    elbo = log_px - kl
    return {
        "log_px": log_px,
        "kl": kl,
        "elbo": elbo,
        "elbo_bpd": bits_per_dim(-elbo, num_dims),
        **metrics,
    }


def bound_per_example(output: VAEOutput, mask: Array | None, num_dims: int) -> Metrics:
    """The bound and its parts for every example of the global batch, [B]; see `bound_metrics`."""
    kl = sum((sum_events(latent.kl) for latent in output.latents), jnp.zeros_like(output.log_px))
    elbo = output.log_px - kl
    values = {
        "log_px": output.log_px,
        "kl": kl,
        "elbo": elbo,
        "elbo_bpd": bits_per_dim(-elbo, num_dims),
    }
    return per_example(values, mask)


def per_example(values: Mapping[str, Array], mask: Array | None) -> Metrics:
    """The entry `PER_EXAMPLE` of an evaluation's metrics, from the values [B] of this shard."""
    mask = jnp.ones(len(next(iter(values.values())))) if mask is None else mask
    return gather_over_shards({**values, "mask": mask})


def vector_latent(output: VAEOutput) -> Latent:
    """The latent [B, D] of a model that has a single group of vectors; a ValueError otherwise."""
    shapes = [latent.z.shape[1:] for latent in output.latents]
    if len(shapes) != 1 or len(shapes[0]) != 1:
        raise ValueError(f"model: expected one group of latents [B, D], got {shapes}")
    return output.latents[0]


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
