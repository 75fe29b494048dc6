import numpy as np
import pytest

from vaejax.metrics import dci
from vaejax.metrics.dci import completeness, disentanglement, tree_importance


@pytest.mark.parametrize("size", [2000, 10_000])
def test_scores_of_given_importances(reference, name, size):
    prefix = f"dci{size}/{name}/s0/"
    if prefix + "importance" not in reference.arrays:
        pytest.skip("no such reference")
    importance = reference[prefix + "importance"]
    assert disentanglement(importance) == pytest.approx(
        float(reference[prefix + "disentanglement"])
    )
    assert completeness(importance) == pytest.approx(float(reference[prefix + "completeness"]))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "size"), [("noisy", 2000), ("rotation", 2000), ("identity", 10_000)]
)
def test_trees_equal_the_reference(reference, name, size):
    pytest.importorskip("sklearn", reason="needs the extra `metrics`")
    (train, test), codes, factors = reference.rows(), reference.codes(name), reference.factors
    train, test = train[:size], test[: size // 2]
    importance, accuracies = tree_importance(
        codes[train], factors[train], codes[test], factors[test]
    )
    prefix = f"dci{size}/{name}/s0/"
    np.testing.assert_allclose(importance, reference[prefix + "importance"], atol=5e-3)
    for score in (disentanglement, completeness):
        expected = float(reference[prefix + score.__name__])
        assert score(importance) == pytest.approx(expected, abs=5e-3)
    for ours, part in zip(accuracies, ("train", "test"), strict=True):
        assert ours == pytest.approx(float(reference[f"{prefix}informativeness_{part}"]), abs=5e-3)


def test_trees_on_known_codes(perfect, grid, key):
    pytest.importorskip("sklearn", reason="needs the extra `metrics`")
    scores = dci(perfect, grid[:, :2], rng=key, num_train=300, num_test=100)
    for part in ("disentanglement", "completeness", "informativeness_test"):
        assert scores[part] > 0.99


def test_lasso_on_known_codes(perfect, useless, entangled, dead, grid, key):
    lasso = {"rng": key, "predictor": "lasso"}
    for codes in (perfect, dead):
        scores = dci(codes, grid, **lasso)
        for part in ("disentanglement", "completeness", "informativeness_test"):
            assert scores[part] > 0.95
    rotated = dci(entangled, grid, **lasso)
    assert rotated["disentanglement"] < 0.6 and rotated["informativeness_test"] > 0.95
    assert dci(useless, grid, **lasso)["informativeness_test"] < 0.1
    assert np.isfinite(dci(0 * perfect, grid, **lasso)["disentanglement"])


def test_impossible_arguments_are_refused(perfect, grid, key):
    with pytest.raises(ValueError, match="codes: expected at least 2 dimensions"):
        dci(perfect[:, :1], grid, rng=key)
    with pytest.raises(ValueError, match="predictor: expected 'trees' or 'lasso'"):
        dci(perfect, grid, rng=key, predictor="forest")
