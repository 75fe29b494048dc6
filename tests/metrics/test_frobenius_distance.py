import numpy as np
import pytest

from vaejax.metrics import frobenius_distance


@pytest.fixture
def posteriors():
    """Means and log-variances [1000, 3] that depend on each other."""
    rng = np.random.default_rng(0)
    means = rng.normal(size=(1_000, 3)) @ rng.normal(size=(3, 3)) + 2.0
    return means, 0.3 * means - 1.0


def test_collapsed_posteriors_are_at_the_aggregate():
    means = np.full((2_000, 3), 0.7)
    log_vars = np.full_like(means, -0.2)
    assert frobenius_distance(means, log_vars)["frobenius_distance"] == pytest.approx(0, abs=1e-7)


def test_the_aggregate_is_that_of_many_samples(posteriors):
    means, log_vars = posteriors
    noise = np.random.default_rng(1).normal(size=(500, *means.shape))
    samples = (means + np.exp(0.5 * log_vars) * noise).reshape(-1, 3)
    aggregate = np.cov(samples, rowvar=False)
    own = np.exp(log_vars)[:, :, None] * np.eye(3)
    expected = np.linalg.norm(own - aggregate, axis=(1, 2)).mean()
    score = frobenius_distance(means, log_vars)["frobenius_distance"]
    assert score == pytest.approx(expected, rel=3e-3)
    of_means = frobenius_distance(means, log_vars, aggregate="means")["frobenius_distance"]
    assert abs(of_means - expected) > 0.05 * expected


def test_closed_form(useless):
    log_vars = np.log(np.full_like(useless, 0.25))
    score = frobenius_distance(useless, log_vars, aggregate="means")
    expected = np.linalg.norm(0.25 * np.eye(3) - np.cov(useless, rowvar=False, bias=True))
    assert score["frobenius_distance"] == pytest.approx(expected, rel=1e-5)
    # Of equal posteriors the aggregate exceeds each by the covariance of the means.
    score = frobenius_distance(useless, log_vars)
    expected = np.linalg.norm(np.cov(useless, rowvar=False, bias=True))
    assert score["frobenius_distance"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("largest", [400.0, 600.0])
def test_variances_whose_squares_no_number_holds(useless, largest):
    """One variance is v, the others are nothing beside it: |S_i - S| is v (1 - 1 / N) and v / N."""
    log_vars = np.zeros(useless.shape)
    log_vars[3, 1] = largest
    count = len(useless)
    expected = np.exp(largest) * 2 * (count - 1) / count**2
    score = frobenius_distance(useless, log_vars)["frobenius_distance"]
    assert score == pytest.approx(expected, rel=1e-9)


def test_posteriors_without_width_are_as_far_as_the_means_spread(useless):
    expected = np.linalg.norm(np.cov(useless, rowvar=False, bias=True))
    score = frobenius_distance(useless, np.full_like(useless, -400.0))["frobenius_distance"]
    assert score == pytest.approx(expected, rel=1e-5)


def test_impossible_arguments_are_refused(useless):
    with pytest.raises(ValueError, match="log_vars: expected"):
        frobenius_distance(useless, useless[:, :1])
    with pytest.raises(ValueError, match="aggregate: expected 'posterior' or"):
        frobenius_distance(useless, useless, aggregate="both")
