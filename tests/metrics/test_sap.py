import jax
import numpy as np
import pytest

from vaejax.metrics import sap
from vaejax.metrics._mig import leads
from vaejax.metrics._sap import squared_correlations
from vaejax.metrics.split import train_test_rows
from vaejax.metrics.svm import svm_accuracies


def test_equals_the_reference(reference, name):
    train, test = reference.rows()
    codes, factors = reference.codes(name), reference.factors
    ours = svm_accuracies(codes[train], factors[train], codes[test], factors[test])
    np.testing.assert_allclose(ours, reference[f"fixed/{name}/s0/sap_matrix"], atol=5e-3)
    assert leads(ours).mean() == pytest.approx(reference[f"fixed/{name}/s0/sap"], abs=5e-3)
    lines = squared_correlations(codes[train], factors[train])
    np.testing.assert_allclose(lines, reference[f"fixed/{name}/s0/sap_cont_matrix"], atol=1e-9)


def test_sampled_score(reference):
    score = sap(reference.codes("rotation"), reference.factors, rng=jax.random.key(0))["sap"]
    assert reference.sampled(score, "rotation", "sap.SAP_score", 0.03)


def test_accuracies_are_those_of_scikit_learn(grid):
    svm = pytest.importorskip("sklearn.svm", reason="needs the extra `metrics`")
    rng = np.random.default_rng(0)
    codes = (grid[:, :2] + rng.normal(size=(len(grid), 2))).astype(np.float32)
    labels = np.minimum(grid[:, [0, 2]], [1, 9])  # two classes of different size, and five
    ours = svm_accuracies(codes, labels, codes, labels)
    for d in range(2):
        for k in range(2):
            machine = svm.LinearSVC(C=0.01, class_weight="balanced", tol=1e-8, max_iter=100_000)
            x, y = codes[:, [d]], labels[:, k]
            assert ours[d, k] == pytest.approx(machine.fit(x, y).score(x, y), abs=3e-3)


def test_lines_are_for_real_factors(perfect, useless, grid, key):
    """Squared correlations of real numbers, not of their ranks or integer parts."""
    factors = np.stack([np.exp(useless[:, 0]), 0.3 * useless[:, 1] + 2001], axis=1)
    codes = useless + 0.2 * perfect
    scores = sap(codes, factors, rng=key, num_train=1000, continuous=True)
    train, _ = train_test_rows(key, 1080, 1000, 5000)
    expected = np.corrcoef(codes[train], factors[train], rowvar=False)[:3, 3:] ** 2
    np.testing.assert_allclose(scores["predictability"], expected, atol=1e-6)
    with pytest.raises(ValueError, match="factors: expected integers, got float"):
        sap(codes, factors, rng=key)
    with pytest.raises(ValueError, match="factors: expected finite numbers, column 1 has NaN"):
        sap(codes, np.where(factors > 2001, np.nan, factors), rng=key, continuous=True)


@pytest.mark.parametrize("continuous", [False, True])
def test_a_factor_that_does_not_vary_among_the_rows_is_left_out(continuous, perfect, grid, key):
    factors, given = grid.copy(), {"rng": key, "num_train": 200, "num_test": 100}
    factors[:, 1] = np.arange(1080) < 2
    with pytest.warns(UserWarning, match="left out: factors: column 1 has 1 value in the rows to"):
        scores = sap(perfect, factors, **given, continuous=continuous)
    expected = sap(perfect, factors[:, [0, 2]], **given, continuous=continuous)
    assert scores["sap"] == pytest.approx(expected["sap"], abs=1e-12)
    assert not scores["predictability"][:, 1].any()


def test_large_codes_have_machines_without_a_penalty(grid):
    """Beyond some size the penalty of a slope is nothing, and the accuracy that of the size."""
    x = grid[:, 2:] + np.random.default_rng(0).normal(size=(len(grid), 1))
    at_once = [svm_accuracies(s * x, grid, s * x, grid)[0] for s in (1e3, 1e6, 1e12)]
    np.testing.assert_allclose(at_once, np.tile(at_once[0], (3, 1)), atol=2e-3)


def test_known_codes(perfect, dead, grid, key):
    assert sap(perfect, grid, rng=key, continuous=True)["sap"] > 0.95
    scores = sap(dead, grid, rng=key)
    assert np.isfinite(scores["predictability"]).all()
    assert sap(np.tile(perfect, 2), grid, rng=key)["sap"] == pytest.approx(0.0, abs=0.05)
    assert sap(dead, grid, rng=key, continuous=True)["sap"] > 0.95


@pytest.mark.parametrize("unit", [1e-300, 1e-200, 1e-160, 1e200, 1e300])
def test_real_factors_in_any_unit(perfect, useless, key, unit):
    factors = perfect[:, :2] + 0.3 * useless[:, :2].astype(np.float64)
    expected = sap(perfect, factors, rng=key, continuous=True)["sap"]
    found = sap(perfect, unit * factors, rng=key, continuous=True)["sap"]
    assert found == pytest.approx(expected, rel=1e-9) and found > 0.5
