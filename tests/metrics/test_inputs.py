"""What metrics refuse, and when they warn."""

import numpy as np
import pytest

from vaejax.metrics import discretise, mig, modularity_explicitness


@pytest.mark.parametrize(
    ("codes", "factors", "message"),
    [
        (np.ones(2000), None, r"codes: expected \[N, D\]"),
        (np.full((2000, 2), np.nan), None, "codes: expected finite numbers"),
        (np.ones((2000, 2)), np.zeros((3, 2), int), r"factors: expected \[2000, F\]"),
        (np.ones((2000, 2)), np.zeros((2000, 2)), "factors: expected integers.*discretise"),
        (np.ones((2000, 2)), np.zeros((2000, 2), int), "factors: .* column 0 is constant"),
    ],
)
def test_unfit_arrays_are_refused(codes, factors, message):
    factors = np.arange(len(codes))[:, None] % 3 if factors is None else factors
    with pytest.raises(ValueError, match=message):
        mig(codes, factors)


def test_a_single_factor_is_refused_where_factors_are_compared(perfect, grid, key):
    with pytest.raises(ValueError, match="factors: expected at least 2, got 1"):
        modularity_explicitness(perfect, grid[:, :1], rng=key)


def test_few_points_are_warned_of(perfect, grid):
    with pytest.warns(UserWarning, match="codes: 500 points"):
        mig(perfect[:500], grid[:500])


def test_continuous_factors_can_be_cut_into_levels(useless):
    factors = np.asarray(discretise(useless, 5))
    assert set(np.unique(factors)) == set(range(5))
    assert mig(useless, factors)["mig"] > 0.5


def test_bins_are_those_of_numpy():
    values = np.random.default_rng(0).normal(size=(500, 2)).astype(np.float32)
    for column, bins in zip(values.T, np.asarray(discretise(values, 7)).T, strict=True):
        np.testing.assert_array_equal(np.bincount(bins, minlength=7), np.histogram(column, 7)[0])
