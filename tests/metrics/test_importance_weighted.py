"""The streaming estimate is the plain one, whatever the chunks, and needs no more memory."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special

from vaejax.metrics import importance_weighted

NUM_SAMPLES = 12
LOG_W = 30.0 * np.random.default_rng(0).standard_normal((NUM_SAMPLES, 5)) - 1e4
TABLE = jnp.asarray(np.concatenate([LOG_W, np.full((20, 5), np.nan)]), jnp.float32)


@pytest.mark.parametrize("chunk", [1, 3, 5, 12, 100])
def test_it_is_the_log_of_the_mean_weight_for_all_chunks(chunk):
    estimate = importance_weighted(lambda k: TABLE[k], NUM_SAMPLES, chunk=chunk)
    expected = scipy.special.logsumexp(LOG_W, axis=0) - np.log(NUM_SAMPLES)
    np.testing.assert_allclose(estimate["log_likelihood"], expected, rtol=1e-6)
    np.testing.assert_allclose(estimate["elbo"], LOG_W.mean(0), rtol=1e-6)
    assert (estimate["log_likelihood"] >= estimate["elbo"]).all()


def test_samples_of_no_weight_count():
    log_w = jnp.array([[0.0, -jnp.inf], [-jnp.inf, -jnp.inf]])
    estimate = importance_weighted(lambda k: log_w[k], 2)["log_likelihood"]
    np.testing.assert_allclose(estimate, [-np.log(2.0), -np.inf])


def test_memory_does_not_grow_with_the_samples():
    def log_weights(samples):  # [k, B], through something of size
        keys = jax.vmap(lambda k: jax.random.fold_in(jax.random.key(0), k))(samples)
        noise = jax.vmap(lambda key: jax.random.normal(key, (8, 1000)))(keys)
        return -(jnp.sort(noise, axis=-1) ** 2).sum(-1)

    def temporary(num_samples):
        estimate = jax.jit(lambda: importance_weighted(log_weights, num_samples, chunk=5))
        return estimate.lower().compile().memory_analysis().temp_size_in_bytes

    assert temporary(5) > 5 * 8 * 1000 * 4  # what it is made of shows
    assert temporary(1000) <= temporary(10)


def test_impossible_numbers_are_refused():
    with pytest.raises(ValueError, match="num_samples: expected at least 1, got 0"):
        importance_weighted(lambda k: TABLE[k], 0)
    with pytest.raises(ValueError, match="chunk: expected at least 1, got 0"):
        importance_weighted(lambda k: TABLE[k], 1, chunk=0)
