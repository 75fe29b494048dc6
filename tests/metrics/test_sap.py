import jax
import numpy as np
import pytest

from vaejax.metrics import sap
from vaejax.metrics.sap import predictability_gap, squared_correlations, svm_accuracies


def test_equals_the_reference(reference, name):
    train, test = reference.rows()
    codes, factors = reference.codes(name), reference.factors
    ours = svm_accuracies(codes[train], factors[train], codes[test], factors[test])
    np.testing.assert_allclose(ours, reference[f"fixed/{name}/s0/sap_matrix"], atol=5e-3)
    assert predictability_gap(ours) == pytest.approx(reference[f"fixed/{name}/s0/sap"], abs=5e-3)
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


def test_known_codes(perfect, dead, grid, key):
    assert sap(perfect, grid, rng=key, continuous=True)["sap"] > 0.95
    scores = sap(dead, grid, rng=key)
    assert np.isfinite(scores["predictability"]).all()
    assert sap(np.tile(perfect, 2), grid, rng=key)["sap"] == pytest.approx(0.0, abs=0.05)
    assert sap(dead, grid, rng=key, continuous=True)["sap"] > 0.95
