import jax
import numpy as np
import pytest

from vaejax.metrics import beta_vae_score
from vaejax.metrics._beta_vae_score import classify

SMALL = {"num_train": 500, "num_eval": 500, "batch_size": 16}


@pytest.mark.parametrize(
    ("classifier", "key", "tolerance"),
    # The stored multinomial solution is not converged: its optimum scores 0.9516 and 0.9472.
    [("multinomial", "acc_multinomial_l2C1", 1e-3), ("one_vs_rest", "acc_ovr_liblinear", 5e-4)],
)
def test_accuracies_on_given_points(reference, classifier, key, tolerance):
    points = [
        reference[f"betavae/rotation/{k}"] for k in ("x_train", "y_train", "x_eval", "y_eval")
    ]
    ours = classify(*points, num_factors=5, classifier=classifier)
    np.testing.assert_allclose(ours, reference[f"betavae/rotation/{key}"], atol=tolerance)


def test_sampled_scores(reference, name):
    scores = beta_vae_score(reference.codes(name), reference.factors, rng=jax.random.key(0))
    assert reference.sampled(scores["beta_vae_score"], name, "beta_vae.eval_accuracy", 0.01)


def test_known_codes(perfect, useless, dead, grid, key):
    assert beta_vae_score(perfect, grid, rng=key, **SMALL)["beta_vae_score"] == 1.0
    assert beta_vae_score(dead, grid, rng=key, **SMALL)["beta_vae_score"] == 1.0
    assert beta_vae_score(useless, grid, rng=key, **SMALL)["beta_vae_score"] < 0.5


def test_images_are_not_compared_with_themselves(key):
    """Of a factor whose values occur twice each, every other pair would be an image and itself,
    which any code tells from two."""
    rng = np.random.default_rng(0)
    factors = np.stack([rng.permutation(1000) // 2, rng.permutation(1000) % 2], axis=1)
    codes = rng.normal(size=(1000, 3)).astype(np.float32)
    assert beta_vae_score(codes, factors, rng=key, **SMALL)["beta_vae_score"] < 0.6


def test_values_that_occur_once_are_left_out(perfect, grid, key):
    factors = grid.copy()
    factors[:20, 1] = 100 + np.arange(20)
    with pytest.warns(UserWarning, match="left out: factors: 20 values of column 1 that occur onc"):
        scores = beta_vae_score(perfect, factors, rng=key, **SMALL)
    assert scores["beta_vae_score"] > 0.99 and len(scores.record["left_out"]) == 1


def test_an_unknown_classifier_is_refused(perfect, grid, key):
    with pytest.raises(ValueError, match="classifier: expected 'multinomial' or"):
        beta_vae_score(perfect, grid, rng=key, classifier="svm", **SMALL)
