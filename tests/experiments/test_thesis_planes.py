"""Codes of the 6 x 6 images."""

import numpy as np
from scipy import stats

from experiments.thesis.planes import most_informative, plane
from experiments.trained import kl_of
from vaejax.metrics.table import Table


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
