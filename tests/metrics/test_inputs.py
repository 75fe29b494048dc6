"""What metrics refuse, and when they warn."""

import jax.numpy as jnp
import numpy as np
import pytest

from vaejax.metrics import discretise, mig, modularity_explicitness


@pytest.mark.parametrize(
    ("codes", "factors", "message"),
    [
        (np.ones(2000), None, r"codes: expected \[N, D\]"),
        (np.full((2000, 2), np.nan), None, "codes: expected finite numbers"),
        (np.ones((2000, 2)), np.zeros((3, 2), int), r"factors: expected \[2000, F\]"),
        (np.full((2000, 2), -1e16), None, r"codes: expected numbers within \+-1e\+15.*column 0"),
        (np.ones((2000, 2), complex), None, "codes: expected real numbers, got complex128"),
        (np.ones((1, 2)), None, "codes: expected at least 2 points, got 1"),
        (np.ones((2000, 2)), np.zeros((2000, 2)), "factors: expected integers.*discretise"),
        (np.ones((2000, 2)), [["a"], ["b"]] * 1000, "factors: expected integers.*np.unique"),
        (np.ones((2000, 2)), np.zeros((2000, 2), int), "factors: .* column 0 is constant"),
    ],
)
def test_unfit_arrays_are_refused(codes, factors, message):
    factors = np.arange(len(codes))[:, None] % 3 if factors is None else factors
    with pytest.raises(ValueError, match=message):
        mig(codes, factors)


def test_hints_say_what_to_do_with_which_floats():
    hues, angles = np.arange(2000) % 40 / 40, np.random.default_rng(0).random(2000)
    message = r"values that repeat \(columns 0\).*np.unique.*continuous ones \(columns 1\).*discret"
    with pytest.raises(ValueError, match=message):
        mig(np.ones((2000, 2)), np.stack([hues, angles], axis=1))


def test_factors_that_hardly_repeat_are_refused_or_warned_of(useless, grid):
    factors = grid.copy()
    factors[:, 1] = np.arange(1080)
    message = "factors: .* occur more than once, column 1 has 1080 values in 1080 rows.*discretise"
    with pytest.raises(ValueError, match=message):
        mig(useless, factors)
    factors[:300, 1] = np.arange(300) // 2
    with pytest.warns(UserWarning, match="factors: column 1 has 930 values in 1080 rows, most of"):
        mig(useless, factors)


def test_integers_of_any_size_are_levels_by_their_order(perfect, grid):
    expected = mig(perfect, grid)["mutual_information"]
    for same in (
        (60 * grid - 100).astype(np.int8),  # differences beyond the largest int8
        (15_000 * grid - 30_000).astype(np.int16),
        2**40 * grid.astype(np.int64) - 2**42,
        np.uint64(2**64 - 5) + grid.astype(np.uint64),
    ):
        np.testing.assert_array_equal(mig(perfect, same)["mutual_information"], expected)
    switch = grid[:, :2] > 1
    as_numbers = mig(perfect, switch.astype(int))["mig"]
    assert mig(perfect, switch)["mig"] == as_numbers


@pytest.mark.parametrize("kind", [np.float16, jnp.bfloat16, np.int8, bool, np.longdouble])
def test_codes_of_any_precision_are_those_of_their_values(kind, perfect, grid):
    codes = np.asarray(jnp.asarray(perfect).astype(kind) if kind is not np.longdouble else perfect)
    exact = codes.astype(np.float64)
    assert mig(codes, grid)["mig"] == pytest.approx(mig(exact, grid)["mig"], abs=1e-12)


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
