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


def test_parts_of_the_kl_add_up(rng):
    means, log_vars = np.random.default_rng(1).normal(size=(2, 80, 2)).astype(np.float32)
    parts = maths.decomposition(means, log_vars, rng=rng, num_samples=50)
    # log q(z) cancels here; the tests below hold each part on its own.
    total = parts["mutual_information"] + parts["marginal_kl"]
    assert abs(total - parts["kl"]) < 4 * parts["standard_error"]
    assert 0 < parts["mutual_information"] < np.log(80)


def test_images_far_apart_tell_all_there_is_to_tell(rng):
    means = np.array([[-40.0], [0.0], [40.0]], np.float32)
    parts = maths.decomposition(means, np.zeros_like(means), rng=rng)
    assert parts["mutual_information"] == pytest.approx(np.log(3), abs=1e-4)


def test_equal_posteriors_tell_nothing(rng):
    means = np.full((30, 2), 0.7, np.float32)
    parts = maths.decomposition(means, np.zeros_like(means), rng=rng)
    assert parts["mutual_information"] == pytest.approx(0, abs=1e-5)
    assert parts["marginal_kl"] == pytest.approx(parts["kl"], abs=0.3)


def test_marginal_kl_by_quadrature(rng):
    means, log_vars = np.array([[-1.0], [1.5]], np.float32), np.log([[0.3], [0.6]], dtype="f4")
    z = np.linspace(-12, 12, 20_001)
    density = np.exp(-0.5 * (z - means) ** 2 / np.exp(log_vars))
    mixture = (density / np.sqrt(2 * np.pi * np.exp(log_vars))).mean(0)
    prior = np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)
    expected = np.trapezoid(mixture * np.log(np.maximum(mixture, 1e-300) / prior), z)
    parts = maths.decomposition(means, log_vars, rng=rng, num_samples=20_000)
    assert parts["marginal_kl"] == pytest.approx(expected, abs=0.02)


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
