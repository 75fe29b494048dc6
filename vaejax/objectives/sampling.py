"""Several draws of the codes of every image in one step."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from vaejax.core.checks import check_counts
from vaejax.distributions import over_samples
from vaejax.objectives.passes import Pass
from vaejax.types import Array, ModelState, VAEOutput

OfDraw = Callable[[Array, VAEOutput], tuple[Any, Any]]
"""From a draw's number and output to trees of logarithms and of values, with first axis B."""


@dataclasses.dataclass(frozen=True)
class Sampling:
    """How many draws there are, and how many of them at once.

    Attributes:
        num_samples: K.
        chunk_size: draws held at once, at most; those of a chunk are computed again backwards, so
            that memory does not grow with K. None holds all.
    """

    num_samples: int = 1
    chunk_size: int | None = None

    def __post_init__(self):
        check_counts(num_samples=(self.num_samples, 1))
        if self.chunk_size is not None:
            check_counts(chunk_size=(self.chunk_size, 1))

    def averages(self, passing: Pass, params: Any, of_draw: OfDraw) -> tuple[Any, Any, ModelState]:
        """Log-mean-exps of logarithms and means of values over the draws, and the state after them.

        What does not depend on the draw is computed once (once per chunk). The state has moved
        once, by the average over the draws.

        Args:
            passing: of a step.
            params: of the model.
            of_draw: what to average of each.
        """

        def of_sample(sample: Array) -> tuple[Any, Any]:
            output, state = self._drawn(passing, params, sample)
            logs, values = of_draw(sample, output)
            return logs, (values, state if passing.train else {})

        chunk = self.chunk_size
        logs, (values, moved) = over_samples(jax.vmap(of_sample), self.num_samples, chunk)
        if not passing.train:
            return logs, values, passing.model_state
        # Counters, which all draws move alike, stay whole numbers.
        before = {name: passing.model_state[name] for name in moved}
        return logs, values, jax.tree.map(_like, moved, before)

    def log_weights(self, passing: Pass, params: Any) -> Array:
        """log p(x, z) - log q(z | x) of every draw, [K, B], nats; no gradient flows through it."""

        def of_sample(sample: Array) -> Array:
            return self._drawn(passing, params, sample)[0].log_weight

        params = jax.lax.stop_gradient(params)
        samples = jnp.arange(self.num_samples)
        if self.chunk_size is None or self.chunk_size >= self.num_samples:
            return jax.vmap(of_sample)(samples)
        return jax.lax.map(of_sample, samples, batch_size=self.chunk_size)

    def _drawn(self, passing: Pass, params: Any, sample: Array) -> tuple[VAEOutput, ModelState]:
        return passing(params, noise=passing.noise(sample, self.num_samples))


def averageable(output: VAEOutput) -> VAEOutput:
    """An output to average over draws: without posteriors; of its codes the mean has the shapes."""
    latents = tuple(latent._replace(posterior=None) for latent in output.latents)
    return output._replace(latents=latents)


def _like(new: Array, old: Array) -> Array:
    """In the type of `old`; the average of whole numbers is rounded, not cut off."""
    whole = jnp.issubdtype(old.dtype, jnp.integer)
    return (jnp.round(new) if whole else new).astype(old.dtype)
