import numpy as np
import pytest

from vaejax.metrics import frobenius_distance


def test_collapsed_posteriors_are_at_the_aggregate(key):
    means = np.zeros((20_000, 3), np.float32)
    assert frobenius_distance(means, means, rng=key)["frobenius_distance"] < 0.05


def test_closed_form(useless, key):
    log_vars = np.log(np.full_like(useless, 0.25))
    score = frobenius_distance(useless, log_vars, rng=key, aggregate="means")
    expected = np.linalg.norm(0.25 * np.eye(3) - np.cov(useless, rowvar=False))
    assert score["frobenius_distance"] == pytest.approx(expected, rel=1e-5)


def test_impossible_arguments_are_refused(useless, key):
    with pytest.raises(ValueError, match="log_vars: expected"):
        frobenius_distance(useless, useless[:, :1], rng=key)
    with pytest.raises(ValueError, match="aggregate: expected 'samples' or"):
        frobenius_distance(useless, useless, rng=key, aggregate="both")
