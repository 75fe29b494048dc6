"""An objective: the importance-weighted bound of any model with latents.

Burda, Grosse, Salakhutdinov, Importance weighted autoencoders, 2016, Eq. 8.
"""

import jax
import jax.numpy as jnp

from vaejax.nn.noise import example_keys
from vaejax.objectives import elbo
from vaejax.objectives.bound import batch_mean
from vaejax.objectives.views import need
from vaejax.types import Objective


def iwae(model, *, num_samples: int = 4, temper: float = 1.0) -> Objective:
    """-temper E log 1/K sum_k w_k."""
    inner = elbo(model)
    log_weight = need(inner.views, "log_weight", "iwae")

    def loss(params, model_state, batch, rng, step, train):
        place = "index" if "index" in batch and not train else "position"

        def log_w(sample):  # [B]
            keys = example_keys(jax.random.fold_in(rng, sample), batch[place])
            return log_weight(params, model_state, batch, inner.views.noise(keys))

        weights = jax.vmap(log_w)(jnp.arange(num_samples))  # [K, B]
        mean = jax.nn.logsumexp(weights, axis=0) - jnp.log(num_samples)
        bound = batch_mean(mean, batch.get("mask"))
        return -temper * bound, ({"loss": -temper * bound, "iwae_bound": bound}, model_state)

    return inner._replace(loss=loss, units=(("iwae_bound", "nats/image"),))
