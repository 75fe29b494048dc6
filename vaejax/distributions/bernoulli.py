"""Bernoulli pixels: exact for binary images, the usual cross-entropy for grey ones."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from vaejax.types import Array


class Bernoulli(NamedTuple):
    """Independent Bernoulli variables by their `logits`, in event shape."""

    logits: Array

    def log_prob(self, value: Array) -> Array:
        """Elementwise x log p + (1 - x) log(1 - p), nats.

        For x strictly between 0 and 1 this is the cross-entropy loss of the literature, not a
        normalised density.
        """
        return value * self.logits - jax.nn.softplus(self.logits)

    def mean(self) -> Array:
        """The probability of 1."""
        return jax.nn.sigmoid(self.logits)

    def sample(self, rng: Array) -> Array:
        """One draw of 0s and 1s, as floats."""
        draws = jax.random.bernoulli(rng, self.mean())
        return draws.astype(jnp.result_type(self.logits))
