"""Positions in a grid of factor values."""

import jax.numpy as jnp
import numpy as np
import pytest

from vaejax.data.factor_grid import factors_of, index_of

SIZES = (3, 1, 4, 5)


@pytest.mark.parametrize("namespace", [np, jnp])
def test_both_ways_as_numpy_counts(namespace):
    indices = np.random.default_rng(0).permutation(60)
    factors = np.stack(np.unravel_index(indices, SIZES), axis=1)
    np.testing.assert_array_equal(factors_of(namespace.asarray(indices), SIZES), factors)
    np.testing.assert_array_equal(index_of(namespace.asarray(factors), SIZES), indices)
