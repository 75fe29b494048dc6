"""The aggregate posterior against densities of scipy."""

import jax.numpy as jnp
import numpy as np
import scipy.stats

from vaejax.distributions import Normal, log_aggregate, log_densities, log_marginals

RNG = np.random.default_rng(0)
LOC, SCALE = RNG.normal(size=(7, 3)), RNG.uniform(0.3, 2.0, size=(7, 3))  # [N, D]
Z = RNG.normal(size=(5, 3))  # [B, D]
WEIGHTS = RNG.dirichlet(np.ones(7), size=5)  # [B, N]
DENSITIES = scipy.stats.norm.pdf(Z[:, None], LOC, SCALE)  # [B, N, D]


def log_q():
    posteriors = Normal(jnp.asarray(LOC, jnp.float32), jnp.asarray(SCALE, jnp.float32))
    return log_densities(jnp.asarray(Z, jnp.float32), posteriors)


def test_densities_of_every_draw_under_every_posterior():
    np.testing.assert_allclose(log_q(), np.log(DENSITIES).transpose(0, 2, 1), rtol=1e-4, atol=1e-5)


def test_the_mixture_and_the_product_of_its_marginals():
    log_weights = jnp.log(jnp.asarray(WEIGHTS, jnp.float32))
    joint = np.log((WEIGHTS * DENSITIES.prod(-1)).sum(1))
    product = np.log((WEIGHTS[:, :, None] * DENSITIES).sum(1)).sum(-1)
    np.testing.assert_allclose(log_aggregate(log_q(), log_weights), joint, rtol=1e-4)
    np.testing.assert_allclose(log_marginals(log_q(), log_weights), product, rtol=1e-4)


def test_one_row_of_weights_serves_all_draws():
    row = jnp.log(jnp.asarray(WEIGHTS[:1], jnp.float32))
    rows = jnp.tile(row, (5, 1))
    for function in (log_aggregate, log_marginals):
        np.testing.assert_allclose(function(log_q(), row), function(log_q(), rows), rtol=1e-6)
