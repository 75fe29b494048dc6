"""Shares of variance that are known in closed form, and those of scipy's F test."""

import numpy as np
import scipy.stats

from vaejax.metrics import correlation_ratio


def ratio(codes, factors):
    return correlation_ratio(codes, factors)["correlation_ratio"]


def test_of_codes_that_are_factors(perfect, grid):
    np.testing.assert_allclose(ratio(perfect, grid), np.eye(3), atol=1e-10)


def test_sums_of_factors_share_their_variance(perfect, grid):
    """Var(a u + b v) = a^2 + b^2 for independent u, v of unit variance; a product has neither."""
    u, v, w = perfect.T
    product = (v - v.mean()) * (w - w.mean())
    codes = np.stack([3 * u + 4 * v, product, -((u - u.mean()) ** 2)], axis=1)
    expected = [[9 / 25, 16 / 25, 0], [0, 0, 0], [1, 0, 0]]
    np.testing.assert_allclose(ratio(codes, grid), expected, atol=1e-6)


def test_agrees_with_the_analysis_of_variance(useless, grid):
    """F = (eta^2 / (V - 1)) / ((1 - eta^2) / (N - V)), on groups of unequal size."""
    rows = np.random.default_rng(4).permutation(1080)[:1001]
    z, factor = useless[rows], grid[rows, 2]
    f = scipy.stats.f_oneway(*[z[factor == level] for level in range(5)]).statistic
    expected = 4 * f / (4 * f + 996)
    np.testing.assert_allclose(ratio(z, factor[:, None])[:, 0], expected, rtol=1e-5)


def test_an_offset_changes_nothing(useless, grid):
    """Codes near 1e5 are rounded to 1/128; of those rounded codes the ratio is exact."""
    moved = useless + np.float32(1e5)
    expected = ratio(moved.astype(np.float64), grid)
    np.testing.assert_allclose(ratio(moved, grid), expected, atol=1e-12)
    np.testing.assert_allclose(ratio(moved, grid), ratio(useless, grid), atol=1e-3)


def test_many_values_take_no_more_memory():
    """A table of all pairs of rows and values would have 10^10 entries."""
    factor = np.arange(200_000) // 2
    codes = (factor % 7).astype(np.float32)[:, None]
    np.testing.assert_allclose(ratio(codes, factor[:, None]), 1.0, atol=1e-12)


def test_a_constant_code_has_none(dead, grid):
    assert not ratio(dead, grid)[3:].any()
