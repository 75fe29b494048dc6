import jax
import numpy as np
import pytest

from vaejax.metrics import factor_vae_score
from vaejax.metrics._factor_vae_score import active_codes, vote_accuracy

SMALL = {"num_train": 500, "num_eval": 500, "batch_size": 16}


def test_scores_of_given_votes(reference, name):
    votes = (reference[f"factorvae/{name}/votes_{part}"] for part in ("train", "eval"))
    theirs = [
        reference[f"score/{name}/factor_vae.{part}_accuracy"][0] for part in ("train", "eval")
    ]
    np.testing.assert_allclose(vote_accuracy(*votes), theirs, rtol=1e-12)


def test_active_codes(reference, name):
    _, active = active_codes(reference.codes(name))
    np.testing.assert_array_equal(active, reference[f"factorvae/{name}/active"])


def test_sampled_scores(reference, name):
    scores = factor_vae_score(reference.codes(name), reference.factors, rng=jax.random.key(0))
    assert reference.sampled(scores["factor_vae_score"], name, "factor_vae.eval_accuracy", 0.01)
    assert not scores["votes_train"][:, ~reference[f"factorvae/{name}/active"]].any()


def test_values_that_occur_once_do_not_vote(useless, grid, key):
    """No code varies within a single image: the first would win."""
    factors = grid.copy()
    factors[:1000, 1] = 100 + np.arange(1000)
    with pytest.warns(UserWarning) as told:
        scores = factor_vae_score(useless, factors, rng=key, **SMALL)
    assert "left out: factors: 1000 values of column 1" in str(told[-1].message)
    share = scores["votes_eval"][1] / scores["votes_eval"][1].sum()
    assert share.max() < 0.6


def test_known_codes(perfect, useless, dead, grid, key):
    assert factor_vae_score(perfect, grid, rng=key, **SMALL)["factor_vae_score"] == 1.0
    scores = factor_vae_score(dead, grid, rng=key, **SMALL)
    assert (scores["factor_vae_score"], scores["num_active"]) == (1.0, 3)
    assert factor_vae_score(useless, grid, rng=key, **SMALL)["factor_vae_score"] < 0.6
    assert factor_vae_score(0 * perfect, grid, rng=key, **SMALL)["factor_vae_score"] == 0.0


def test_a_vote_of_two_images_is_not_of_one_twice(perfect, grid, key):
    """Of one image no code varies, and the first would win: 5 % of votes among 18 images."""
    shuffled = perfect[:, [1, 2, 0]] + 1e-3 * np.random.default_rng(0).normal(size=perfect.shape)
    counts = {"num_train": 500, "num_eval": 500, "batch_size": 2}
    factors = np.stack([np.arange(1080) // 2, grid[:, 2]], axis=1)
    codes = np.stack([shuffled[:, 1], factors[:, 0] / 300], axis=1).astype(np.float32)
    scores = factor_vae_score(codes, factors, rng=key, **counts)
    assert scores["votes_eval"][0].tolist() == [0, scores["votes_eval"][0].sum()]
