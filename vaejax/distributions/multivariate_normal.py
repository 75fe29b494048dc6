"""Gaussians with full covariance over the channels of a pixel, and what two of them share.

References:
    Wyner, The common information of two dependent random variables, 1975.
    Xu, Liu & Chen, Wyner's common information for continuous random variables, 2011 (Gaussians).
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vaejax.core.randomness import draw
from vaejax.distributions.normal import LOG_2PI
from vaejax.types import AnyArray, Array


class MultivariateNormal(NamedTuple):
    """N(loc, L L') over the last axis.

    Attributes:
        loc: [..., C].
        root: L, the Cholesky factor, [..., C, C]; what is above its diagonal is not looked at.
    """

    loc: Array
    root: Array

    def log_prob(self, value: Array) -> Array:
        """Log-density, [...] nats: that of the channels of a pixel together."""
        shift = value - self.loc
        noise: list[Array] = []
        for row in range(self.loc.shape[-1]):  # L noise = value - loc, from the first row down
            known = sum(self.root[..., row, i] * noise[i] for i in range(row))
            noise.append((shift[..., row] - known) / self.root[..., row, row])
        scales = jnp.diagonal(self.root, axis1=-2, axis2=-1)
        squares = sum(x**2 for x in noise)
        return -0.5 * (squares + len(noise) * LOG_2PI) - jnp.log(scales).sum(-1)

    def mean(self) -> Array:
        """The expected value, [..., C]."""
        return self.loc

    def sample(self, rng: Array) -> Array:
        """One draw, [..., C]."""
        noise = draw(jax.random.normal, rng, self.loc.shape, self.loc.dtype)
        return self.loc + (jnp.tril(self.root) * noise[..., None, :]).sum(-1)

    def with_temperature(self, temperature: float | Array) -> "MultivariateNormal":
        """The same mean and correlations with `temperature` times the scales."""
        return MultivariateNormal(self.loc, self.root * temperature)


def multivariate_normal_entropy(covariance: AnyArray | Sequence[Sequence[float]]) -> np.ndarray:
    """Entropy of Gaussians with covariances [..., D, D], [...] nats."""
    covariance = np.asarray(covariance, np.float64)
    return 0.5 * (np.linalg.slogdet(covariance)[1] + covariance.shape[-1] * (1.0 + LOG_2PI))


def wyner_information(correlation: float | AnyArray) -> np.ndarray:
    """The least I(x; z) of a z that leaves two correlated Gaussians independent given it, nats.

    1/2 log (1 + |r|) / (1 - |r|). A VAE whose decoder has a diagonal covariance can only be exact
    if its code does so, and then spends as much KL at least: what a collapsed posterior cannot.

    Args:
        correlation: r in (-1, 1), one or several [...].
    """
    size = np.abs(np.asarray(correlation, np.float64))
    if not (size < 1).all():
        raise ValueError(f"correlation: expected numbers in (-1, 1), got {correlation}")
    return np.arctanh(size)
