import numpy as np
import pytest

from vaejax.metrics import unsupervised_scores
from vaejax.metrics._unsupervised_scores import (
    gaussian_total_correlation,
    gaussian_wasserstein_correlation,
)


def test_equals_the_reference(reference, name):
    rows, _ = reference.rows()
    scores = unsupervised_scores(reference.codes(name)[rows])
    fixed = {key: reference[f"fixed/{name}/s0/{key}"] for key in ("gauss_tc", "gauss_wc", "cov")}
    # |S| of duplicated codes is 0 but for rounding, of which the score is the logarithm: another on
    # another processor.
    tolerance = 2.0 if name == "duplicate" else 1e-9
    of_theirs = gaussian_total_correlation(fixed["cov"])
    for ours in (of_theirs, scores["gaussian_total_correlation"]):
        assert ours == pytest.approx(float(fixed["gauss_tc"]), abs=tolerance)
    distance = float(fixed["gauss_wc"].real)
    assert scores["gaussian_wasserstein_correlation"] == pytest.approx(distance, abs=1e-6)
    assert gaussian_wasserstein_correlation(fixed["cov"]) == pytest.approx(distance, abs=1e-6)
    information = float(reference[f"fixed/{name}/s0/mutual_info_score"])
    assert scores["mutual_info_score"] == pytest.approx(information, abs=1e-6)


def test_total_correlation_of_a_correlated_pair():
    covariance = np.array([[2.0, 0.8], [0.8, 1.0]])
    expected = -0.5 * np.log(1 - 0.8**2 / 2.0)
    assert gaussian_total_correlation(covariance) == pytest.approx(expected)


def test_total_correlation_does_not_depend_on_units():
    """The determinant of 120 codes of deviation 1e-6 is about 1e-1440."""
    covariance = np.kron(np.eye(60), [[1.0, 0.6], [0.6, 1.0]])
    expected = -0.5 * 60 * np.log(1 - 0.6**2)
    for unit in (1.0, 1e-12, 1e12):
        assert gaussian_total_correlation(unit * covariance) == pytest.approx(expected)


def test_dead_codes_do_not_drown_small_ones(useless):
    codes = np.concatenate([1e-6 * (useless + useless[:, :1]), 0 * useless], axis=1)
    expected = unsupervised_scores(useless + useless[:, :1])
    ours = unsupervised_scores(codes)["gaussian_wasserstein_correlation_norm"]
    theirs = expected["gaussian_wasserstein_correlation_norm"]
    assert ours == pytest.approx(theirs, rel=1e-4) and theirs > 0.05


def test_wasserstein_distance_of_independent_codes_is_zero():
    assert gaussian_wasserstein_correlation(np.diag([1.0, 2.0])) == pytest.approx(0.0, abs=1e-12)


def test_dead_codes_are_independent_of_everything(perfect, dead):
    ours, theirs = unsupervised_scores(dead), unsupervised_scores(perfect)
    assert ours["gaussian_total_correlation"] == theirs["gaussian_total_correlation"]
    assert all(value == 0.0 for value in unsupervised_scores(0 * perfect).values())


def test_copies_depend_on_each_other(perfect):
    scores = unsupervised_scores(np.tile(perfect, 2))
    assert np.isfinite(list(scores.values())).all()
    assert scores["gaussian_total_correlation"] > 50
    assert scores["mutual_info_score"] > 0.2
