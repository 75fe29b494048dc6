"""What is read off finished runs."""

import json

import numpy as np
import pytest
from scipy import stats

from experiments.thesis.runs import mean_image_error, most_informative, plane
from experiments.trained import history, kl_of
from vaejax.evaluators.disentanglement import Table


def test_history_is_one_value_per_evaluation(tmp_path):
    lines = [
        {"step": 2, "split": "train", "loss": 9.0},
        {"step": 2, "split": "test/bound", "loss": 3.0, "kl_dims/0": [1.0, 2.0]},
        {"step": 4, "split": "test/bound", "loss": None, "kl_dims/0": [3.0, 4.0]},
    ]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    logged = history(tmp_path, "test/bound")
    np.testing.assert_array_equal(logged["step"], [2, 4])
    np.testing.assert_array_equal(logged["loss"], [3.0, np.nan])
    np.testing.assert_array_equal(logged["kl_dims/0"], [[1, 2], [3, 4]])


def test_plane_has_the_quantiles_of_the_prior():
    codes = plane((2, 0), latent_size=4, steps=5).reshape(5, 5, 4)
    values = stats.norm.ppf([0.05, 0.275, 0.5, 0.725, 0.95])
    np.testing.assert_allclose(codes[3, :, 2], values, atol=1e-5)  # rises to the right
    np.testing.assert_allclose(codes[::-1, 1, 0], values, atol=1e-5)  # and to the top
    assert not codes[:, :, [1, 3]].any()


def test_latents_that_carry_most():
    means = np.random.default_rng(0).normal(size=(200, 4)).astype(np.float32)
    means *= np.array([0.1, 2.0, 0.0, 1.0], np.float32)
    factors = np.zeros((200, 0), np.int32)
    assert most_informative(kl_of(Table(means, np.zeros_like(means), factors))) == (1, 3)
    narrow = np.zeros_like(means)
    narrow[:, 2] = -20.0  # a code without noise tells most of all
    assert most_informative(kl_of(Table(means, narrow, factors))) == (1, 2)


def test_mean_image_is_what_a_constant_can_do_at_best():
    images = np.random.default_rng(0).uniform(size=(50, 3, 2, 1))

    def error(p):  # cross-entropy of all images under one image of probabilities
        return -(images * np.log(p) + (1 - images) * np.log(1 - p)).sum((1, 2, 3)).mean()

    best = mean_image_error(images)
    assert best == pytest.approx(error(images.mean(0)))
    assert best < error(images.mean(0) + 0.01) and best < error(images.mean(0) - 0.01)
    assert mean_image_error(np.zeros((4, 3, 2, 1))) == pytest.approx(0, abs=1e-9)
