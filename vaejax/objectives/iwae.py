"""The importance-weighted bound, tighter than the evidence lower bound the more samples it has.

    log p(x) >= L_K = E[log 1/K sum_k w_k] >= L_1,    w_k = p(x, z_k) / q(z_k | x)

Reference: Burda, Grosse & Salakhutdinov, Importance weighted autoencoders, 2016, Eq. 8.
"""

import functools
import math
from typing import Any

import jax.numpy as jnp

from vaejax.core.mesh import with_positions
from vaejax.distributions import bits_per_dim
from vaejax.objectives.baselines import with_averages
from vaejax.objectives.bound import (
    batch_mean,
    bound_metrics,
    bound_per_example,
    nats,
    per_example,
)
from vaejax.objectives.bound_estimators import OF_THE_BOUND, bound_with
from vaejax.objectives.estimators import Gradient, check_gradient
from vaejax.objectives.passes import Pass, initialised
from vaejax.objectives.sampling import Sampling
from vaejax.objectives.views import PLAYER, views_of
from vaejax.types import PER_EXAMPLE, Array, Batch, Init, Objective

_IN_NATS = ("iwae_bound", "elbo", "log_px", "kl", "kl_dims")


def iwae(
    model: Any,
    *,
    num_samples: int,
    gradient: Gradient = "reparameterised",
    chunk_size: int | None = None,
) -> Objective:
    """The importance-weighted bound of any model with latents.

    A network's layers before the first draw are computed once per image (once per chunk), those
    after it once per sample. Batch normalisation normalises every sample by itself; running
    statistics move once per step, by the average over the samples.

    Args:
        model: a flax module returning `VAEOutput` with latents.
        num_samples: K, samples per image. Noise handed in with the batch is [B, K, ...], for a
            single one [B, ...].
        gradient: with respect to the posterior, see `vaejax.objectives.estimators`; all but the
            default need a model whose posterior has parameters of its own.
        chunk_size: samples held at once, at most, for memory that does not grow with K; those of a
            chunk are computed again backwards. None holds all.

    Returns:
        An objective with the metrics `loss`, `iwae_bound`, `elbo` (the mean of log w over the same
        samples, never above the bound), `log_px`, `kl`, `kl/<group>` and `kl_dims/<group>` (means
        over the samples, a KL in closed form where there is one), nats per image; `iwae_bound_bpd`
        and `elbo_bpd` (bits per dimension); `effective_sample_size` (sum w)^2 / sum w^2, from 1 to
        K. In an evaluation also, `PER_EXAMPLE`, those of all but the loss and single groups.

    Raises:
        ValueError: impossible numbers, or a gradient that the model does not allow; in a step, a
            model without latents, or noise of another number of samples.
    """
    sampling = Sampling(num_samples, chunk_size)
    check_gradient(gradient, OF_THE_BOUND, model, sampling)
    estimate, views = bound_with(gradient, sampling), views_of(model)

    def loss(params, model_state, batch: Batch, rng: Array, step: Array, train: bool):
        del step
        passing = Pass(model, model_state, with_positions(batch), rng, train)
        bound, log_square, output, new_state = estimate(passing, params[PLAYER])
        num_dims = views.num_dims or math.prod(batch["image"].shape[1:])
        mask, log_w = batch.get("mask"), output.log_weight  # the mean of log w
        values = {
            "iwae_bound": bound,
            "iwae_bound_bpd": bits_per_dim(-bound, num_dims),
            "elbo": log_w,
            "elbo_bpd": bits_per_dim(-log_w, num_dims),
            # (sum w)^2 / sum w^2 = K exp(2 log mean w - log mean w^2)
            "effective_sample_size": num_samples * jnp.exp(2.0 * bound - log_square),
        }
        means = {name: batch_mean(value, mask) for name, value in values.items()}
        metrics = bound_metrics(output, mask, num_dims) | means
        total = -metrics["iwae_bound"]
        metrics["loss"] = total
        if not train:
            metrics[PER_EXAMPLE] = bound_per_example(output, mask, num_dims) | per_example(
                values, mask
            )
        return total, (metrics, new_state)

    init: Init = functools.partial(initialised, model)
    if gradient == "moving_average":
        init = with_averages(init, ("iwae_bound",))
    return Objective(init, loss, views, nats(*_IN_NATS))
