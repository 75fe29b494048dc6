"""Intervals are scipy's where it has them, and hold what they are for as often as they say."""

import numpy as np
import pytest
import scipy.stats

from vaejax.metrics import halves_interval, mean_interval, median_interval


def test_interval_of_a_mean_is_that_of_scipy():
    values = [1.0, 2.0, 5.0, 4.0]
    estimate = mean_interval(values)
    assert estimate.value == pytest.approx(3.0)
    assert estimate.std == pytest.approx(np.std(values, ddof=1))
    ends = scipy.stats.t.interval(0.95, df=3, loc=3.0, scale=scipy.stats.sem(values))
    assert (estimate.low, estimate.high) == pytest.approx(ends)


def test_halves_say_how_far_a_score_is_off_wherever_they_lie():
    halves = np.array([1.0, 2.0, 5.0, 4.0])
    estimate = halves_interval(10.0, halves + 7.0)
    ends = scipy.stats.t.interval(0.95, df=3, loc=10.0, scale=halves.std(ddof=1))
    assert (estimate.value, estimate.std) == (10.0, pytest.approx(halves.std(ddof=1)))
    assert (estimate.low, estimate.high) == pytest.approx(ends)


def test_scores_of_halves_spread_as_scores_of_fresh_images():
    """For a mean it is exact: s^2 / n."""
    images = np.random.default_rng(0).normal(size=100)
    draws = np.random.default_rng(1)
    halves = [draws.choice(images, 50, replace=False).mean() for _ in range(4_000)]
    expected = images.std(ddof=1) / 10
    assert halves_interval(images.mean(), halves).std == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize("count", [6, 9, 16, 40, 2_000])
def test_interval_of_a_median_is_as_short_as_the_binomial_allows(count):
    low, high = median_interval(np.random.default_rng(0).permutation(count))
    k = low + 1  # from the k-th lowest
    assert high == count - k
    binomial = scipy.stats.binom(count, 0.5)
    assert 2 * binomial.cdf(k - 1) <= 0.05 < 2 * binomial.cdf(k)


@pytest.mark.parametrize("law", [np.random.Generator.normal, np.random.Generator.exponential])
@pytest.mark.parametrize("size", [3, 9])
def test_coverage(law, size):
    """Of few values of a skewed law a mean's interval holds less often than it says.

    Measured for three and nine values: 0.943 and 0.949 for the mean of normal ones, 0.876 and 0.894
    of exponential ones; 0.962 and 0.957 for the median of nine, by the binomial 0.961.
    """
    rng = np.random.default_rng(3)
    samples = [law(rng, size=size) for _ in range(4_000)]
    is_normal = law is np.random.Generator.normal
    mean, median = (0.0, 0.0) if is_normal else (1.0, np.log(2))
    covered = np.mean([x.low <= mean <= x.high for x in map(mean_interval, samples)])
    assert covered == pytest.approx(0.95, abs=0.01) if is_normal else 0.87 < covered < 0.95
    covered = np.mean([low <= median <= high for low, high in map(median_interval, samples)])
    assert covered == (pytest.approx(0.961, abs=0.01) if size == 9 else 0.0)


@pytest.mark.parametrize("values", [[0.5], [0.1, 0.1, 0.1], [0.5, np.nan], [0.5, -np.inf]])
def test_without_a_spread_there_is_no_interval(values):
    assert np.isnan([*mean_interval(values)[2:], *halves_interval(0.5, values)[2:]]).all()
    assert np.isnan(median_interval(values)).all()


def test_a_median_takes_six_values_that_differ():
    assert np.isnan(median_interval(range(5))).all()
    assert median_interval(range(6)) == (0, 5)
    assert np.isnan(median_interval([0.5] * 20)).all()


@pytest.mark.parametrize("values", [[], [[1.0, 2.0]]])
def test_impossible_arguments_are_refused(values):
    for interval in (mean_interval, median_interval, lambda v: halves_interval(0.5, v)):
        with pytest.raises(ValueError, match=r"values: expected \[R\]"):
            interval(values)
