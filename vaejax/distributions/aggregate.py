"""The aggregate posterior, a mixture of many Gaussian posteriors, and the parts of the KL it makes.

    q(z) = sum_n w_n q(z | x_n)
    E_x KL(q(z | x) || p(z)) = I(n; z) + KL(q(z) || prod_d q(z_d)) + sum_d KL(q(z_d) || p(z_d))

The last two add up to KL(q(z) || p(z)); the last is what it says where the coordinates of the prior
are independent. Densities are laid out [B, D, N]: N is what sums run over, and processors want
that last.

References:
    Hoffman & Johnson, ELBO surgery, 2016 (two parts).
    Chen et al., Isolating Sources of Disentanglement in VAEs, 2018, Eq. 2 (three).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from vaejax.distributions.normal import LOG_2PI
from vaejax.types import Array, Gaussian


class Parts(NamedTuple):
    """The parts of the KL for every draw, [B], nats; they add up to log q(z | x) - log p(z)."""

    mutual_information: Array
    total_correlation: Array
    dimension_wise_kl: Array


def log_densities(z: Array, posteriors: Gaussian) -> Array:
    """log q(z_bd | x_n) of draws z [B, D] under N posteriors [N, D], [B, D, N] nats."""
    loc, scale = posteriors.loc.T[None], posteriors.scale.T[None]  # [1, D, N]
    return -0.5 * ((z[:, :, None] - loc) * (1.0 / scale)) ** 2 - (jnp.log(scale) + 0.5 * LOG_2PI)


def log_aggregate(log_q: Array, log_weights: Array) -> Array:
    """log q(z), [B] nats.

    Args:
        log_q: [B, D, N], see `log_densities`.
        log_weights: log w_n, [B, N] or [1, N]; a row may differ from draw to draw.
    """
    return jax.nn.logsumexp(log_q.sum(1) + log_weights, axis=-1)


def log_marginals(log_q: Array, log_weights: Array) -> Array:
    """log prod_d q(z_d), [B] nats; arguments as in `log_aggregate`."""
    return jax.nn.logsumexp(log_q + log_weights[:, None], axis=-1).sum(-1)
