"""The identities of chapter 3 against closed forms, quadrature and each other."""

import jax
import numpy as np
import pytest

from experiments.thesis import maths


@pytest.mark.parametrize("size", [1, 3])
def test_closed_form_of_the_kl_agrees_with_its_estimate(size):
    check = maths.multivariate_kl_check(0, size)
    error = check["closed_form"] - check["monte_carlo"]
    assert abs(error) < 4 * check["standard_error"]
    # Eq. A.2 as printed is off by E[(x - m1)' S1^-1 (x - m1)], which is never small.
    assert abs(check["as_printed"] - check["closed_form"]) > 40 * check["standard_error"]


def test_kl_to_the_prior_agrees_with_its_estimate(rng):
    means, log_vars = np.random.default_rng(0).normal(size=(2, 50, 3)).astype(np.float32)
    check = maths.standard_kl_check(means, log_vars, rng=rng)
    expected = 0.5 * (np.exp(log_vars) + means**2 - 1 - log_vars).sum(1).mean()  # Eq. 3.10
    assert check["closed_form"] == pytest.approx(expected, rel=1e-5)
    assert abs(check["monte_carlo"] - expected) < 4 * check["standard_error"]


def test_push_forwards_of_the_plane():
    z = jax.random.normal(jax.random.key(0), (100, 2))
    same, ring, folded = (np.asarray(g(z)) for g in maths.PUSH_FORWARDS.values())
    radius = np.linalg.norm(z, axis=1)
    np.testing.assert_array_equal(same, z)
    np.testing.assert_allclose(np.linalg.norm(ring, axis=1), 1 + radius / 10, rtol=1e-5)
    np.testing.assert_allclose(folded.sum(1), radius, rtol=1e-5)
    assert (folded >= 0).all()


def test_mean_image_is_what_a_constant_can_do_at_best():
    images = np.random.default_rng(0).uniform(size=(50, 3, 2, 1))

    def error(p):  # cross-entropy of all images under one image of probabilities
        return -(images * np.log(p) + (1 - images) * np.log(1 - p)).sum((1, 2, 3)).mean()

    best = maths.mean_image_error(images)
    assert best == pytest.approx(error(images.mean(0)))
    assert best < error(images.mean(0) + 0.01) and best < error(images.mean(0) - 0.01)
    assert maths.mean_image_error(np.zeros((4, 3, 2, 1))) == pytest.approx(0, abs=1e-9)
