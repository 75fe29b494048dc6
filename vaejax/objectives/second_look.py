"""A second look at drawn codes: log p(x, z) and log q(z | x) at a given z, some gradients stopped.

What the two looks compute alike is computed once: compiled, they are the same operations.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from vaejax.objectives.passes import Pass
from vaejax.objectives.sampling import Sampling
from vaejax.types import Array, VAEOutput

Codes = tuple[Array, ...]


class Look(NamedTuple):
    """What a step's estimator may look at.

    Attributes:
        passing: of the step.
        params: of the model.
        sampling: how many draws there are.
        averages: of the steps before, by name; none, but for a moving average.
    """

    passing: Pass
    params: Any
    sampling: Sampling
    averages: Mapping[str, Array]

    def at(self, codes: Codes) -> VAEOutput:
        """The output at given codes."""
        return self.passing(self.params, codes=codes)[0]

    def at_draws(self, codes: Codes) -> VAEOutput:
        """The same, moved by the parameters that only q has through the codes alone."""
        own = self.passing.model.posterior_parts
        if not set(own) <= set(self.params):
            raise ValueError(f"posterior_parts: expected some of {sorted(self.params)}, got {own}")
        stopped = {
            name: jax.lax.stop_gradient(part) if name in own else part
            for name, part in self.params.items()
        }
        return self._replace(params=stopped).at(codes)


def codes_of(output: VAEOutput) -> Codes:
    """The drawn codes of all groups, top first."""
    return tuple(latent.z for latent in output.latents)


def score(weight: Array, output: VAEOutput) -> Array:
    """0, whose gradient is `weight` times that of log q(z | x), all [B].

    Args:
        weight: of which only the value counts.
        output: at codes that have no gradient.
    """
    log_q = sum(latent.log_q for latent in output.latents)
    return gradient_of(jax.lax.stop_gradient(weight) * log_q)


def gradient_of(x: Array) -> Array:
    """0 with the gradient of `x`."""
    return x - jax.lax.stop_gradient(x)


@jax.custom_vjp
def with_scaled_gradient(x: Array, factor: Array) -> Array:
    """`x` [B, ...] as it is; the gradient that comes back for it is multiplied by `factor` [B]."""
    del factor
    return x


def _forward(x: Array, factor: Array) -> tuple[Array, Array]:
    return x, factor


def _backward(factor: Array, gradient: Array) -> tuple[Array, Array]:
    by_example = factor.reshape(-1, *[1] * (gradient.ndim - 1))
    return gradient * by_example, jnp.zeros_like(factor)


with_scaled_gradient.defvjp(_forward, _backward)
