"""Diagonal Gaussians over codes and images, and the closed-form divergences between Gaussians.

References:
    Kingma & Welling, Auto-Encoding Variational Bayes, 2014 (appendix B: KL to N(0, I)).
    Vahdat & Kautz, NVAE, 2020 (the soft clamp of mean and log-scale).
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

from vaejax.core.randomness import draw
from vaejax.distributions.nats import sum_events, sum_positions
from vaejax.types import Array, Latent

LOG_2PI = math.log(2.0 * math.pi)


class Normal(NamedTuple):
    """Independent Gaussians with mean `loc` and standard deviation `scale`, both in event shape."""

    loc: Array
    scale: Array

    @classmethod
    def from_log_var(cls, mean: Array, log_var: Array) -> "Normal":
        """N(mean, exp(log_var)), the parameterisation of the beta-VAE papers."""
        return cls(mean, jnp.exp(0.5 * log_var))

    @classmethod
    def soft_clamped(cls, mean: Array, log_scale: Array) -> "Normal":
        """NVAE's: both parameters pass c(x) = 5 tanh(x / 5), and 0.01 is added to the scale."""
        return cls(soft_clamp(mean), jnp.exp(soft_clamp(log_scale)) + 0.01)

    @classmethod
    def standard(cls, like: Array) -> "Normal":
        """N(0, 1) in the shape and type of `like`."""
        return cls(jnp.zeros_like(like), jnp.ones_like(like))

    def log_prob(self, value: Array) -> Array:
        """Elementwise log-density, nats."""
        return -0.5 * (self.noise_of(value) ** 2 + LOG_2PI) - jnp.log(self.scale)

    def mean(self) -> Array:
        """The expected value."""
        return self.loc

    def sample(self, rng: Array) -> Array:
        """One draw."""
        shape, dtype = jnp.shape(self.loc), jnp.result_type(self.loc)
        return self.at(draw(jax.random.normal, rng, shape, dtype))

    def at(self, noise: Array) -> Array:
        """The draw that standard normal `noise` stands for: loc + scale * noise."""
        return self.loc + self.scale * noise

    def noise_of(self, value: Array) -> Array:
        """The standard normal noise that stands for `value`, the inverse of `at`."""
        return (value - self.loc) / self.scale

    def with_temperature(self, temperature: float | Array) -> "Normal":
        """The same mean with `temperature` times the scale."""
        return Normal(self.loc, self.scale * temperature)


def soft_clamp(x: Array, bound: float = 5.0) -> Array:
    """bound * tanh(x / bound): the identity near zero, never beyond +-bound."""
    return bound * jnp.tanh(x / bound)


def normal_entropy(scale: Array) -> Array:
    """Elementwise entropy of Gaussians with standard deviation `scale`, nats."""
    return jnp.log(scale) + 0.5 * (1.0 + LOG_2PI)


def kl_normal(q: Normal, p: Normal) -> Array:
    """Elementwise KL(q || p) between diagonal Gaussians, nats.

    1/2 (shift^2 + r^2 - 1) - log r, r = scale_q / scale_p; expm1 keeps r^2 - 1 exact near r = 1.
    """
    log_ratio = jnp.log(q.scale) - jnp.log(p.scale)
    shift = (q.loc - p.loc) / p.scale
    return 0.5 * (shift**2 + jnp.expm1(2.0 * log_ratio)) - log_ratio


def kl_multivariate_normal(mean_0: Array, cov_0: Array, mean_1: Array, cov_1: Array) -> Array:
    """KL(N(mean_0, cov_0) || N(mean_1, cov_1)) between full-covariance Gaussians.

    1/2 [log |S1| / |S0| - k + (m0 - m1)' S1^-1 (m0 - m1) + tr(S1^-1 S0)], thesis Eq. A.9, by
    Cholesky factors (S = L L').

    Args:
        mean_0, mean_1: [..., D].
        cov_0, cov_1: [..., D, D], positive definite.

    Returns:
        [...], nats.
    """
    chol_0, chol_1 = jnp.linalg.cholesky(cov_0), jnp.linalg.cholesky(cov_1)

    def log_diagonal(chol):  # sum_i log L_ii = 1/2 log |S|
        return jnp.log(jnp.diagonal(chol, axis1=-2, axis2=-1)).sum(-1)

    def whiten(x):  # L1^-1 x
        return jax.scipy.linalg.solve_triangular(chol_1, x, lower=True)

    trace = (whiten(chol_0) ** 2).sum((-2, -1))  # tr(S1^-1 S0) = |L1^-1 L0|^2
    distance = (whiten((mean_0 - mean_1)[..., None]) ** 2).sum((-2, -1))
    dim = mean_0.shape[-1]
    return log_diagonal(chol_1) - log_diagonal(chol_0) + 0.5 * (trace + distance - dim)


def gaussian_total_correlation(covariance: Array) -> Array:
    """KL(N(0, S) || N(0, diag S)) = 1/2 (sum_i log S_ii - log |S|), nats.

    Finite also for codes that determine each other, whose |S| is rounding error: the true value
    is then infinite. A dimension without variance depends on none.

    Args:
        covariance: S [D, D].
    """
    variances = jnp.diagonal(covariance)
    alive = variances > 0
    scale = jnp.where(alive, jnp.sqrt(variances), 1.0)
    correlations = covariance / (scale[:, None] * scale[None])
    correlations = jnp.where(jnp.eye(len(variances), dtype=bool), 1.0, correlations)
    floor = jnp.log(jnp.finfo(covariance.dtype).tiny)
    return -0.5 * jnp.maximum(jnp.linalg.slogdet(correlations)[1], floor)


def normal_latent(z: Array, posterior: Normal, prior: Normal) -> Latent:
    """The `Latent` of a sample `z` [B, ..., D] from a Gaussian posterior, with the analytic KL."""
    kl = kl_normal(posterior, prior)
    return Latent(
        z=z,
        log_q=sum_events(posterior.log_prob(z)),
        log_p=sum_events(prior.log_prob(z)),
        kl=sum_events(kl),
        kl_dims=sum_positions(kl),
        posterior=posterior,
    )


def drawn_latent(z: Array, posterior: Normal, prior: Normal) -> Latent:
    """The `Latent` of a sample from a Gaussian posterior whose prior depends on the sample.

    The prior of a group that others were inferred from is such: KL(q || p) would take the prior for
    known. `kl` is log q - log p of the sample, which comes apart by dimensions.
    """
    log_q, log_p = posterior.log_prob(z), prior.log_prob(z)
    return Latent(
        z=z,
        log_q=sum_events(log_q),
        log_p=sum_events(log_p),
        kl=sum_events(log_q - log_p),
        kl_dims=sum_positions(log_q - log_p),
        posterior=posterior,
    )


def estimated_latent(
    z: Array,
    log_q: Array,
    log_p: Array,
    posterior: Normal | None = None,
    kl_terms: Array | None = None,
) -> Latent:
    """The `Latent` of a sample whose KL has no closed form: log q - log p, a single draw's."""
    return Latent(
        z=z, log_q=log_q, log_p=log_p, kl=log_q - log_p, kl_terms=kl_terms, posterior=posterior
    )
