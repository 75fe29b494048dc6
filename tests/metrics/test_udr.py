import numpy as np
import pytest

from vaejax.metrics import udr
from vaejax.metrics._udr import model_scores, relative_strength
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
    ours = udr([z[rows] for z in codes], kls, similarity=similarity)
    theirs = reference[f"udr/{similarity}/s{seed}/pairwise"]
    expected = reference[f"udr/{similarity}/s{seed}/model_scores"]
    np.testing.assert_allclose(model_scores(theirs)[0], expected, atol=1e-12)
    kept = [0, 1, 2, 3, 5]  # the codes of model 4, "rotation2d", are not stored
    theirs = theirs[np.ix_(kept, kept)]
    np.testing.assert_allclose(ours["pairwise"], theirs, atol=5e-6)
    np.testing.assert_allclose(ours["model_scores"], model_scores(theirs)[0], atol=5e-6)
    assert ours["udr"] == ours["model_scores"].max()
    assert np.isnan([ours["udr_low"], *ours["model_low"]]).all()  # of four partners


@pytest.mark.parametrize("similarity", ["lasso", "spearman"])
def test_known_codes(perfect, entangled, similarity):
    kls = [np.ones(3)] * 2
    agreeing = udr([perfect, -perfect[:, ::-1]], kls, similarity=similarity)["udr"]
    assert agreeing > 0.85
    assert udr([perfect, entangled], kls, similarity=similarity)["udr"] < 0.6
    assert udr([perfect, perfect], [np.ones(3), np.zeros(3)], similarity=similarity)["udr"] == 0.0


def test_a_score_is_how_well_the_others_predict(perfect):
    """Not how well it predicts them: of a copied code the lasso needs one, but predicts both."""
    doubled = np.concatenate([perfect, perfect[:, :1]], axis=1)
    noise = np.random.default_rng(0).normal(size=perfect.shape)
    models = [perfect, doubled, perfect + 0.3 * noise, 0.2 * perfect + noise]
    found = udr(models, [np.ones(z.shape[1]) for z in models])
    pairwise = found["pairwise"]
    scaled = [z / z.std(0) for z in models]
    for i, j in ((0, 1), (1, 0), (2, 3)):
        similarity = np.abs(lasso(scaled[i], scaled[j], 0.1))  # of predicting j from i
        assert pairwise[i, j] == pytest.approx(relative_strength(similarity), abs=1e-5)
    predicted, predicting = (np.delete(some, 1) for some in (pairwise[:, 1], pairwise[1]))
    assert found["model_scores"][1] == np.median(predicted) > np.median(predicting) + 0.02


def test_the_interval_is_over_partners(perfect):
    draws = np.random.default_rng(0)
    models = [perfect + s * draws.normal(size=perfect.shape) for s in np.linspace(0, 2, 10)]
    found = udr(models, [np.ones(3)] * 10)
    for model in range(10):
        others = np.sort(np.delete(found["pairwise"][:, model], model))
        assert found["model_scores"][model] == others[4]
        assert (found["model_low"][model], found["model_high"][model]) == (others[1], others[7])
    best = found["model_scores"].argmax()
    assert found["udr"] == found["model_scores"][best]
    assert (found["udr_low"], found["udr_high"]) == (
        found["model_low"][best],
        found["model_high"][best],
    )


@pytest.mark.parametrize("similarity", ["lasso", "spearman"])
@pytest.mark.parametrize("offset", [1e4, 1e5, 1e6])
def test_codes_far_from_zero(perfect, entangled, similarity, offset):
    """As of the same numbers in float64, whatever their mean."""
    noise = np.random.default_rng(0).normal(size=perfect.shape)
    moved = [(z + 0.1 * noise + offset).astype(np.float32) for z in (perfect, entangled, -perfect)]
    kls = [np.ones(3)] * 3
    found = udr(moved, kls, similarity=similarity)["model_scores"]
    centred = [z.astype(np.float64) - z.mean(0, dtype=np.float64) for z in moved]
    expected = udr(centred, kls, similarity=similarity)["model_scores"]
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_the_record_says_which_codes_count(perfect):
    found = udr([perfect] * 2, [np.ones(3)] * 2, similarity="spearman", min_kl=0.5)
    assert found.record == {"similarity": "spearman", "min_kl": 0.5, "left_out": ()}
    for min_kl in (np.nan, -1.0, "0.1"):
        with pytest.raises(ValueError, match="^min_kl: expected a number >= 0, got"):
            udr([perfect] * 2, [np.ones(3)] * 2, min_kl=min_kl)


def test_divergences_that_are_not_numbers_name_their_model(perfect):
    with pytest.raises(ValueError, match=r"kls\[1\]: expected finite numbers of nats, got .*nan"):
        udr([perfect] * 2, [np.ones(3), np.array([1.0, np.nan, 0.0])])
    with pytest.raises(ValueError, match=r"kls\[0\]: expected \[3\], one for each code, got"):
        udr([perfect] * 2, [np.ones(2), np.ones(3)])


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
