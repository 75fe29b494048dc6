import jax
import numpy as np
import pytest

from tests.metrics.conftest import NAMES
from vaejax.metrics import dci
from vaejax.metrics._dci import completeness, disentanglement, tree_importance
from vaejax.metrics.lasso import lasso
from vaejax.metrics.split import train_test_rows


@pytest.mark.parametrize(
    ("name", "size"),
    [*((name, 2000) for name in NAMES), ("identity", 10_000), ("rotation", 10_000)],
)
def test_scores_of_given_importances(reference, name, size):
    prefix = f"dci{size}/{name}/s0/"
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
    importance, accuracies, predicted = tree_importance(
        codes[train], factors[train], codes[test], factors[test], np.full(len(test), True)
    )
    assert predicted.all()
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
    linear = {"rng": key, "predictor": "lasso"}
    for codes in (perfect, dead):
        scores = dci(codes, grid, **linear)
        for part in ("disentanglement", "completeness", "informativeness_test"):
            assert scores[part] > 0.95
    rotated = dci(entangled, grid, **linear)
    assert rotated["disentanglement"] < 0.6 and rotated["informativeness_test"] > 0.95
    assert dci(useless, grid, **linear)["informativeness_test"] < 0.1


@pytest.mark.parametrize("skewed", [False, True])
def test_trees_in_noise_do_not_count(useless, grid, key, skewed):
    """One code of noise beside dead ones would be the complete account of every factor."""
    pytest.importorskip("sklearn", reason="needs the extra `metrics`")
    factors = grid[:, :2] if not skewed else (grid[:, 1:] == 0).astype(int)
    codes = useless * np.array([1, 0, 0], np.float32)
    scores = dci(codes, factors, rng=key, num_train=300, num_test=150)
    assert (scores["disentanglement"], scores["completeness"]) == (0.0, 0.0)
    assert not scores["predicted"].any() and not scores["importance"].any()
    codes[:, 1] = factors[:, 0]
    scores = dci(codes, factors, rng=key, num_train=300, num_test=150)
    np.testing.assert_array_equal(scores["predicted"], [True, False])
    assert scores["completeness"] > 0.99


def test_coefficients_in_noise_do_not_count(perfect, useless, dead, grid):
    for codes in (useless, 0 * perfect):
        for seed in range(5):
            scores = dci(codes, grid, rng=jax.random.key(seed), predictor="lasso")
            assert (scores["disentanglement"], scores["completeness"]) == (0.0, 0.0)
            assert not scores["predicted"].any() and not scores["importance"].any()


def test_factors_that_codes_tell_keep_their_coefficients(perfect, useless, grid, key):
    """Codes of two factors of three: those two are scored as if the third were not there."""
    codes = np.concatenate([perfect[:, :2] + 0.5 * useless[:, :2], useless[:, 2:]], axis=1)
    scores = dci(codes, grid, rng=key, predictor="lasso")
    train, _ = train_test_rows(key, len(codes), 10_000, 5_000)
    x = (codes[train] - codes[train].mean(0)) / codes[train].std(0)
    y = (grid[train] - grid[train].mean(0)) / grid[train].std(0)
    expected = abs(np.asarray(lasso(x, y.astype(np.float32), 0.01)))
    np.testing.assert_array_equal(scores["predicted"], [True, True, False])
    np.testing.assert_allclose(scores["importance"][:, :2], expected[:, :2], atol=1e-5)
    assert expected[:, 2].any() and not scores["importance"][:, 2].any()
    assert scores["disentanglement"] > 0.9


def test_rare_values_are_left_out_where_they_do_not_occur(perfect, grid, key):
    factors = grid.copy()
    factors[:, 1] = np.arange(1080) < 2
    few = {"rng": key, "num_train": 200, "num_test": 100}
    for predictor in ("lasso", "trees"):
        if predictor == "trees":
            pytest.importorskip("sklearn", reason="needs the extra `metrics`")
        with pytest.warns(UserWarning, match="left out: factors: column 1 has 1 value in the rows"):
            scores = dci(perfect, factors, **few, predictor=predictor)
        expected = dci(perfect, factors[:, [0, 2]], **few, predictor=predictor)
        for part in ("disentanglement", "completeness", "informativeness_test"):
            assert scores[part] == pytest.approx(expected[part], abs=1e-9)
        assert scores["importance"].shape == (3, 3) and not scores["importance"][:, 1].any()
    with pytest.raises(ValueError, match="factors: expected at least 2 that vary .* column 1 has"):
        dci(perfect, factors[:, :2], **few)


def test_impossible_arguments_are_refused(perfect, grid, key):
    with pytest.raises(ValueError, match="codes: expected at least 2 dimensions"):
        dci(perfect[:, :1], grid, rng=key)
    with pytest.raises(ValueError, match="predictor: expected 'trees' or 'lasso'"):
        dci(perfect, grid, rng=key, predictor="forest")
