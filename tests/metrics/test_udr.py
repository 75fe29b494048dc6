import numpy as np
import pytest

from vaejax.metrics import udr
from vaejax.metrics.lasso import lasso


def sampled_rows(sizes, seed):
    """The rows that the reference drew: 100 batches of 10, factor by factor."""
    state = np.random.RandomState(seed)
    batches = [[state.randint(size, size=10) for size in sizes] for _ in range(100)]
    return np.ravel_multi_index(np.concatenate(batches, axis=1), sizes)


@pytest.mark.parametrize("similarity", ["lasso", "spearman"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_equals_the_reference(reference, similarity, seed):
    rows = sampled_rows(reference["factor_sizes"], seed)
    identity = reference.codes("identity")
    permuted = identity[:, [3, 0, 4, 1, 2]] * [1, -1, 1, -1, 1]
    near_dead = np.concatenate([identity[:, 2:], reference.codes("partial")[:, 3:5]], axis=1)
    noisy, rotation = reference.codes("noisy"), reference.codes("rotation")
    codes = [identity, permuted, noisy, rotation, near_dead]
    kls = [np.full(5, 2.0)] * 4 + [np.array([2.0, 2.0, 2.0, 0.004, 0.004])]
    ours = udr([z[rows] for z in codes], kls, similarity=similarity)["pairwise"]
    theirs = reference[f"udr/{similarity}/s{seed}/pairwise"]
    kept = [0, 1, 2, 3, 5]  # the codes of model 4, "rotation2d", are not stored
    np.testing.assert_allclose(ours, theirs[np.ix_(kept, kept)], atol=5e-6)


@pytest.mark.parametrize("similarity", ["lasso", "spearman"])
def test_known_codes(perfect, entangled, similarity):
    kls = [np.ones(3)] * 2
    agreeing = udr([perfect, -perfect[:, ::-1]], kls, similarity=similarity)["udr"]
    assert agreeing > 0.85
    assert udr([perfect, entangled], kls, similarity=similarity)["udr"] < 0.6
    assert udr([perfect, perfect], [np.ones(3), np.zeros(3)], similarity=similarity)["udr"] == 0.0


def test_impossible_arguments_are_refused(perfect):
    with pytest.raises(ValueError, match="codes: expected those of at least 2 models"):
        udr([perfect], [np.ones(3)])
    with pytest.raises(ValueError, match="similarity: expected 'lasso' or"):
        udr([perfect] * 2, [np.ones(3)] * 2, similarity="pearson")


def test_lasso_meets_its_optimality_conditions(useless):
    """|x_d'(y - x w)| / N is alpha where w_d is not 0, and no more elsewhere."""
    x = useless + 0.3 * useless[:, [1, 2, 0]]
    y = x @ np.array([[1.0], [-0.5], [0.02]], np.float32)
    w = np.asarray(lasso(x, y, 0.1))
    centred = x - x.mean(0)
    slope = centred.T @ (y - y.mean(0) - centred @ w) / len(x)
    assert w[2] == 0.0 and abs(slope[2]) < 0.1
    np.testing.assert_allclose(slope[:2], 0.1 * np.sign(w[:2]), atol=1e-5)
