"""The beta-VAE and its capacity-controlled form.

References:
    Kingma & Welling, Auto-Encoding Variational Bayes, 2014 (beta = 1).
    Higgins et al., beta-VAE, 2017: loss = reconstruction + beta KL; beta_norm = beta M / N.
    Burgess et al., Understanding disentangling in beta-VAE, 2018, Eq. 8: gamma |KL - C|.
    Vahdat & Kautz, NVAE, 2020, appendix A: balanced KL of a hierarchy during warm-up.
    Kingma et al., Improving variational inference with inverse autoregressive flow, 2016, Eq. 15:
        free bits.
"""

import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from vaejax.core.checks import check_number, check_schedule
from vaejax.objectives.balance import balancing_weights, group_sizes
from vaejax.objectives.baselines import with_averages
from vaejax.objectives.bound import Reduction, batch_mean, variational
from vaejax.objectives.estimators import OF_THE_ELBO, Gradient, check_gradient, estimate_with
from vaejax.objectives.free_bits import check_free_bits, with_free_bits
from vaejax.objectives.sampling import Sampling
from vaejax.types import Array, Batch, Objective, Schedule, VAEOutput


def elbo(
    model: Any,
    *,
    beta: float | Schedule | None = None,
    beta_norm: float | Schedule | None = None,
    balance: bool = False,
    free_bits: float | None = None,
    num_samples: int = 1,
    gradient: Gradient = "reparameterised",
    chunk_size: int | None = None,
    reduction: Reduction = "sum",
) -> Objective:
    """Reconstruction plus beta times the KL; the (negative) evidence lower bound at beta = 1.

    Args:
        model: a flax module returning `VAEOutput`.
        beta: weight of the KL, or a schedule of the step (KL warm-up). Default 1.
        beta_norm: the weight in Higgins' normalised form instead, beta = beta_norm * N / M for
            images of N pixels times channels and M latent dimensions.
        balance: while beta < 1, weigh the groups of a hierarchy against each other, see
            `balancing_weights`; the weights are then reported as `balance` [G].
        free_bits: nats per latent that cost no more than none would, see
            `vaejax.objectives.free_bits`; beta multiplies what all latents cost. What is reported
            as `kl` and `elbo` stays true. None is off.
        num_samples: K, draws of the codes per image that everything is averaged over. Noise handed
            in with the batch is [B, K, ...], for a single one [B, ...].
        gradient: with respect to the posterior, see `vaejax.objectives.estimators`; all but the
            default need a model whose posterior has parameters of its own.
        chunk_size: draws held at once, at most, for memory that does not grow with K; those of a
            chunk are computed again backwards. None holds all.
        reduction: of the reconstruction over pixels; see `variational`.

    Returns:
        An objective that also reports `beta` and `beta_norm`, where there is a KL to weigh.
    """
    if beta is not None and beta_norm is not None:
        raise ValueError("beta_norm: expected only one of beta and beta_norm, got both")
    name, value = ("beta", 1.0 if beta is None else beta)
    if beta_norm is not None:
        name, value = "beta_norm", beta_norm
    weight = _schedule(name, value)
    sampling = Sampling(num_samples, chunk_size)
    check_gradient(gradient, OF_THE_ELBO, model, sampling)
    if free_bits is not None:
        check_free_bits(free_bits, balance, gradient)

    def divergence(kl: Array, output: VAEOutput, batch: Batch, step: Array):
        latent_size = sum(math.prod(latent.z.shape[1:]) for latent in output.latents)
        sizes = {"latent_size": latent_size, "input_size": math.prod(batch["image"].shape[1:])}
        asked = {
            "beta_norm": name == "beta_norm",
            "balance": balance,
            "free_bits": free_bits is not None,
        }
        for by in (argument for argument, is_asked in asked.items() if is_asked):
            _check_latents(output, by)
        if not output.latents:  # exact maximum likelihood
            return kl, {}
        if name == "beta":
            beta, beta_norm = weight(step), normalise_beta(weight(step), **sizes)
        else:
            beta, beta_norm = denormalise_beta(weight(step), **sizes), weight(step)
        extra = {"beta": beta, "beta_norm": beta_norm}
        if balance:
            kl, extra["balance"] = _balanced(output, batch.get("mask"), beta)
        if free_bits is not None:
            kl = with_free_bits(output.latents, free_bits, batch.get("mask"))
        return beta * kl, extra

    objective = variational(
        model, divergence, reduction, estimate=estimate_with(gradient, sampling)
    )
    if gradient == "moving_average":
        return objective._replace(init=with_averages(objective.init, ("log_px", "kl")))
    return objective


def capacity(
    model: Any,
    *,
    gamma: float = 1000.0,
    max_capacity: float = 25.0,
    num_steps: int = 100_000,
    signed: bool = False,
    reduction: Reduction = "sum",
) -> Objective:
    """Reconstruction plus gamma |KL - C(t)|, with C rising linearly from 0 to `max_capacity`.

    Args:
        model: a flax module returning `VAEOutput`.
        gamma: weight of the distance between the batch's mean KL and the capacity.
        max_capacity: final capacity in nats per image.
        num_steps: steps over which C(t) = max_capacity * t / num_steps rises.
        signed: penalise gamma (KL - C(t)) instead, the form without the absolute value.
        reduction: of the reconstruction over pixels; see `variational`.

    Returns:
        An objective that also reports `capacity` (nats per image).
    """
    check_number("gamma", gamma, lambda x: x >= 0, "a number >= 0")
    check_number("max_capacity", max_capacity, lambda x: x >= 0, "a number >= 0 (nats)")
    check_number("num_steps", num_steps, lambda x: x >= 1, "at least 1")

    def divergence(kl: Array, output: VAEOutput, batch: Batch, step: Array):
        del batch
        _check_latents(output, "max_capacity")
        target = max_capacity * jnp.clip(step / num_steps, 0.0, 1.0)
        distance = kl - target
        return gamma * (distance if signed else jnp.abs(distance)), {"capacity": target}

    return variational(model, divergence, reduction, ("capacity",))


def normalise_beta(beta: Any, *, latent_size: int, input_size: int) -> Any:
    """beta_norm = beta * M / N, comparable between latent sizes and data sets (Higgins, 2017)."""
    return beta * latent_size / input_size


def denormalise_beta(beta_norm: Any, *, latent_size: int, input_size: int) -> Any:
    """beta = beta_norm * N / M, the inverse of `normalise_beta`."""
    return beta_norm * input_size / latent_size


def _check_latents(output: VAEOutput, argument: str) -> None:
    """Raise ValueError where there is nothing that `argument` could weigh."""
    if not output.latents:
        raise ValueError(f"{argument}: expected a model with latents to weigh, got one without")


def _balanced(output: VAEOutput, mask: Array | None, beta: Array) -> tuple[Array, Array]:
    """The batch mean of the weighted KL, nats, and the weights [G]: all 1 at beta = 1."""
    kls = jnp.stack([latent.kl for latent in output.latents], axis=1)  # [B, G]
    weights = balancing_weights(batch_mean(jnp.abs(kls), mask), group_sizes(output.latents))
    weights = jnp.where(beta < 1.0, weights, 1.0)
    return jnp.vdot(weights, batch_mean(kls, mask)), weights


def _schedule(name: str, value: float | Schedule) -> Callable[[Array], Array]:
    if callable(value):
        check_schedule(
            name, value, lambda x: 0 <= float(x) < math.inf, "a schedule of numbers >= 0"
        )
        return value
    check_number(name, value, lambda x: 0 <= x < math.inf, "a number >= 0 or a schedule")
    return lambda step: jnp.asarray(value, float)
