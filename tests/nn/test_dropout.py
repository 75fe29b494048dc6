"""Dropout is a function of an example's key and the place, and keeps the expectation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vaejax.core.mesh import DATA_AXIS
from vaejax.nn.dropout import dropout
from vaejax.nn.noise import example_keys


def test_an_example_loses_the_same_in_any_batch(rng):
    x = jax.random.normal(rng, (16, 3, 5, 1))  # odd: the last word of an example serves one feature
    keys = example_keys(rng, np.arange(16))
    whole = jax.jit(dropout, static_argnums=(2, 3))(x, keys, 0.5, 1)
    np.testing.assert_array_equal(dropout(x[3:9], keys[3:9], 0.5, 1), whole[3:9])
    np.testing.assert_array_equal(dropout(x[::-1], keys[::-1], 0.5, 1), whole[::-1])
    mapped = jax.pmap(lambda x, keys: dropout(x, keys, 0.5, 1), axis_name=DATA_AXIS)
    parts = mapped(x.reshape(8, 2, *x.shape[1:]), keys.reshape(8, 2))
    np.testing.assert_array_equal(parts.reshape(x.shape), whole)


def test_examples_places_and_neighbours_lose_independently(rng):
    keys = example_keys(rng, np.arange(8))
    x = jnp.ones((8, 10_000))
    kept = np.concatenate([np.asarray(dropout(x, keys, 0.5, site)) > 0 for site in range(2)])
    correlations = np.corrcoef(kept) - np.eye(16)
    assert abs(correlations).max() < 0.06  # six standard errors
    pairs = kept.reshape(-1, 2)  # that share a word
    assert abs(np.corrcoef(pairs.T)[0, 1]) < 0.02


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_so_many_are_lost_and_the_mean_stays(rng, rate):
    keys = example_keys(rng, np.arange(4))
    dropped = np.asarray(dropout(jnp.ones((4, 50, 50, 10)), keys, rate, 0))
    lost, error = (dropped == 0).mean(), np.sqrt(rate * (1 - rate) / dropped.size)
    assert abs(lost - rate) < 4 * error
    np.testing.assert_allclose(dropped[dropped > 0], 1 / (1 - rate), rtol=3e-4)
    assert abs(dropped.mean() - 1.0) < 4 * error / (1 - rate)


def test_gradients_pass_where_features_do(rng):
    x, keys = jax.random.normal(rng, (2, 50)), example_keys(rng, np.arange(2))
    gradient = jax.grad(lambda x: dropout(x, keys, 0.5, 0).sum())(x)
    np.testing.assert_array_equal(gradient, 2.0 * (dropout(x, keys, 0.5, 0) != 0))


def test_without_a_rate_or_keys_nothing_is_dropped(rng):
    x = jnp.ones((2, 3))
    assert dropout(x, example_keys(rng, np.arange(2)), 0.0, 0) is x
    assert dropout(x, None, 0.5, 0) is x


def test_impossible_rates_are_refused():
    for rate in (-0.1, 1.0):
        with pytest.raises(ValueError, match=r"rate: expected a number in \[0, 1\), got"):
            dropout(jnp.ones((2, 3)), None, rate, 0)
