"""FactorVAE: a discriminator estimates the total correlation that the model is to lower.

Kim & Mnih, "Disentangling by Factorising", ICML 2018, Eq. 2 and algorithm 1.

The discriminator tells codes z ~ q(z) from codes with every dimension drawn from another image,
prod_d q(z_d). With logits l0 (a code) and l1 (a shuffled one),

    TC = KL(q(z) || prod_d q(z_d)) ~ E_q[l0 - l1].

That is exact for the best possible discriminator only, and no bound for another: it is too small
where the two distributions hardly overlap or the discriminator lags behind the model. The total
correlation of Gaussian codes with the covariance of the batch needs no discriminator and stands
beside it: it sees linear dependence alone, and of B independent codes [B, D] it finds about
D (D - 1) / (4 B) nats where there are none. Of no more codes than dimensions, B <= D, the
covariance is singular: the estimate is then NaN.

An evaluation shuffles within its batch, and sees B images at once, those that `mask` counts.
"""

from collections.abc import Sequence
from typing import Any, cast

import jax
import jax.numpy as jnp

from vaejax.core.checks import check_number
from vaejax.core.mesh import sum_over_shards, with_positions
from vaejax.distributions import gaussian_total_correlation
from vaejax.nn.mlp import MLP, leaky_relu
from vaejax.nn.noise import example_keys
from vaejax.objectives.bound import (
    Reduction,
    batch_covariance,
    batch_mean,
    variational,
    vector_latent,
)
from vaejax.objectives.passes import shared_key
from vaejax.objectives.views import need
from vaejax.types import Array, Batch, Objective, VAEOutput


def factor_vae(
    model: Any,
    *,
    gamma: float = 35.0,
    hidden: Sequence[int] = (1000,) * 6,
    second_batch: bool = True,
    reduction: Reduction = "sum",
) -> Objective:
    """Reconstruction + KL + gamma TC for the model, cross-entropy for the discriminator.

    The players are `model` and `discriminator`; each has its own loss's gradient. Under `pmap`
    codes are shuffled within a device's shard.

    Args:
        model: a flax module with methods `encode` and `noise`, and one Gaussian latent [B, D].
        gamma: weight of the total correlation.
        hidden: widths of the discriminator's layers (leaky ReLU, slope 0.2).
        second_batch: in training, the first half of a batch trains the model and the second half is
            shuffled for the discriminator, as in the paper: a batch of 128 is its 64 + 64. False
            shuffles the codes of the one batch. Evaluation always does, and counts every image.
        reduction: of the reconstruction over pixels; see `variational`.

    Returns:
        An objective that also reports `total_correlation` (nats per image, as the discriminator
        sees it), `gaussian_total_correlation` (nats per image; NaN of a batch of no more images
        than latents), `discriminator_loss` and `discriminator_accuracy`.
    """
    check_number("gamma", gamma, lambda x: x >= 0, "a number >= 0")
    if not hidden or min(hidden) < 1:
        raise ValueError(f"hidden: expected at least one width >= 1, got {hidden}")
    discriminator = MLP(tuple(hidden), 2, leaky_relu)
    in_nats = ("total_correlation", "gaussian_total_correlation")
    bound = variational(model, lambda kl, *_: (kl, {}), reduction, in_nats)
    encode, draw = (need(bound.views, name, "factor_vae") for name in ("encode", "noise"))

    def init(rng: Array, batch: Batch):
        model_rng, discriminator_rng = jax.random.split(rng)
        params, model_state = bound.init(model_rng, batch)
        latent = vector_latent(encode(params, model_state, batch), "factor_vae")
        rest = discriminator.init(discriminator_rng, latent.z)["params"]
        return {**params, "discriminator": rest}, model_state

    def loss(params, model_state, batch: Batch, rng: Array, step: Array, train: bool):
        model_rng, second_rng, shuffle_rng = jax.random.split(rng, 3)
        batch = with_positions(batch)
        first, second = batch, None
        if train and second_batch:
            first, second = _halves(batch)

        def divergence(kl: Array, output: VAEOutput, batch: Batch, step: Array):
            del step
            z, mask = vector_latent(output.latents, "factor_vae").z, batch.get("mask")
            others = z
            if second is not None:
                noise = draw(example_keys(second_rng, second["position"]))
                others = encode(params, model_state, second, noise)[0].z
            shuffled = shuffle(shared_key(shuffle_rng, "shuffle", batch), others, mask)
            opponent = jax.lax.stop_gradient(params["discriminator"])
            correlation = batch_mean(density_ratio(discriminator, opponent, z), mask)
            discriminator_loss, accuracy = discrimination(
                discriminator,
                params["discriminator"],
                jax.lax.stop_gradient(z),
                jax.lax.stop_gradient(shuffled),
                mask,
            )
            # One scalar for both players: neither term has a gradient for the other's parameters.
            return kl + gamma * correlation + discriminator_loss, {
                "total_correlation": correlation,
                "gaussian_total_correlation": batch_total_correlation(
                    jax.lax.stop_gradient(z), mask
                ),
                "discriminator_loss": discriminator_loss,
                "discriminator_accuracy": accuracy,
            }

        game = variational(model, divergence, reduction)
        return game.loss(params, model_state, first, model_rng, step, train)

    return bound._replace(init=init, loss=loss)


def batch_total_correlation(z: Array, mask: Array | None = None) -> Array:
    """Total correlation, nats, of Gaussian codes with the covariance of a batch's.

    Args:
        z: codes [B, D].
        mask: [B], 1 for examples that count; of D or fewer the result is NaN.
    """
    count = sum_over_shards(jnp.float32(len(z)) if mask is None else mask.sum())
    found = gaussian_total_correlation(batch_covariance(z, mask))
    return jnp.where(count > z.shape[1], found, jnp.nan)


def shuffle(rng: Array, z: Array, mask: Array | None = None) -> Array:
    """Codes [B, D] with every dimension in a random order of its own: draws of prod_d q(z_d).

    Args:
        rng: key, from which nothing else is drawn.
        z: codes.
        mask: [B], 1 for examples that count, which come first; the others stay behind them.
    """
    places = jax.random.uniform(rng, z.shape)
    if mask is not None:
        places = jnp.where(mask[:, None] > 0, places, 1.0)
    return jnp.take_along_axis(z, places.argsort(axis=0), axis=0)


def density_ratio(discriminator: MLP, params: Any, z: Array) -> Array:
    """log q(z) / prod_d q(z_d) [B] as the discriminator sees it: l0 - l1."""
    logits = cast(Array, discriminator.apply({"params": params}, z))
    return logits[:, 0] - logits[:, 1]


def discrimination(
    discriminator: MLP, params: Any, z: Array, shuffled: Array, mask: Array | None = None
) -> tuple[Array, Array]:
    """Mean cross-entropy (nats) and accuracy of telling codes from shuffled codes, both [B, D]."""
    real = density_ratio(discriminator, params, z)
    fake = density_ratio(discriminator, params, shuffled)
    loss = 0.5 * (
        batch_mean(jax.nn.softplus(-real), mask) + batch_mean(jax.nn.softplus(fake), mask)
    )
    hits = 0.5 * (batch_mean((real > 0) * 1.0, mask) + batch_mean((fake < 0) * 1.0, mask))
    return loss, hits


def _halves(batch: Batch) -> tuple[Batch, Batch]:
    """The first and the second half of the examples of a batch of even size."""
    size = batch["image"].shape[0]
    if size % 2:
        raise ValueError(f"batch_size: expected an even number for two halves, got {size}")
    half = size // 2
    return (
        jax.tree.map(lambda x: x[:half], dict(batch)),
        jax.tree.map(lambda x: x[half:], dict(batch)),
    )
