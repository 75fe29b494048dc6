"""Full covariance over the channels of a pixel, against scipy; what two Gaussians share."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from vaejax.distributions import (
    MultivariateNormal,
    full_gaussian,
    gaussian,
    multivariate_normal_entropy,
    soft_clamp,
    wyner_information,
)

RNG = np.random.default_rng(0)
ROOT = np.tril(RNG.normal(size=(3, 3)))
ROOT[np.diag_indices(3)] = [0.5, 1.5, 0.8]
LAW = scipy.stats.multivariate_normal([1.0, -2.0, 0.5], ROOT @ ROOT.T)


def normal(*shape):
    return MultivariateNormal(
        jnp.broadcast_to(jnp.asarray(LAW.mean, jnp.float32), (*shape, 3)),
        jnp.broadcast_to(jnp.asarray(ROOT, jnp.float32), (*shape, 3, 3)),
    )


def test_density_is_that_of_scipy():
    x = LAW.rvs(20, random_state=0).reshape(4, 5, 1, 3).astype(np.float32)
    expected = LAW.logpdf(x).reshape(4, 5, 1)
    np.testing.assert_allclose(normal(4, 5, 1).log_prob(x), expected, rtol=1e-5, atol=1e-5)


def test_draws_have_the_mean_and_the_covariance(rng):
    draws = np.asarray(normal(40_000).sample(rng))
    np.testing.assert_allclose(draws.mean(0), LAW.mean, atol=0.05)
    np.testing.assert_allclose(np.cov(draws.T), LAW.cov, atol=0.1)
    np.testing.assert_array_equal(normal(2).mean(), np.tile(np.float32(LAW.mean), (2, 1)))


def test_outputs_are_means_and_the_rows_of_a_triangle():
    outputs = RNG.normal(size=(2, 1, 1, 5)).astype(np.float32)
    law = full_gaussian().distribution(jnp.asarray(outputs), 2)
    mean, (a, b, c) = outputs[0, 0, 0, :2], outputs[0, 0, 0, 2:]
    scales = np.exp(soft_clamp(np.array([a, c]))) + 0.01
    np.testing.assert_allclose(law.root[0, 0, 0], [[scales[0], 0], [b, scales[1]]], rtol=1e-6)
    root = np.asarray(law.root[0, 0, 0], np.float64)
    x = np.float32([0.3, -0.7])
    expected = scipy.stats.multivariate_normal(mean, root @ root.T).logpdf(x)
    actual = law.log_prob(jnp.broadcast_to(x, (2, 1, 1, 2)))
    assert actual.shape == (2, 1, 1)
    np.testing.assert_allclose(actual[0, 0, 0], expected, rtol=1e-5)


def test_of_one_channel_it_is_the_diagonal_one():
    outputs = jnp.asarray(RNG.normal(size=(3, 2, 2, 2)), jnp.float32)
    x = jnp.asarray(RNG.normal(size=(3, 2, 2, 1)), jnp.float32)
    full = full_gaussian().distribution(outputs, 1).log_prob(x)
    diagonal = gaussian(scale=None).distribution(outputs, 1).log_prob(x)
    np.testing.assert_allclose(full, diagonal[..., 0], rtol=1e-5)


def test_number_of_outputs_and_equality():
    assert [full_gaussian().num_outputs(channels) for channels in (1, 2, 3)] == [2, 5, 9]
    assert full_gaussian() == full_gaussian() != gaussian()
    assert full_gaussian().any_range


def test_entropy_is_that_of_scipy():
    assert multivariate_normal_entropy(LAW.cov) == pytest.approx(LAW.entropy())
    both = multivariate_normal_entropy(np.stack([LAW.cov, np.eye(3)]))
    np.testing.assert_allclose(both, [LAW.entropy(), 1.5 * np.log(2 * np.pi * np.e)])


def test_what_a_latent_must_tell_to_leave_two_gaussians_independent():
    """x_k = sqrt(r) z + sqrt(1 - r) noise_k does it, and tells that much."""
    for correlation in (0.0, 0.5, 0.9, -0.9):
        loading = np.full((2, 1), np.sqrt(abs(correlation)))
        noise = (1 - abs(correlation)) * np.eye(2)
        total = multivariate_normal_entropy(loading @ loading.T + noise)
        told = total - multivariate_normal_entropy(noise)
        assert wyner_information(correlation) == pytest.approx(told, abs=1e-12)
    # The mutual information of the two is less: no latent could do with less than that.
    assert wyner_information(0.9) > -0.5 * np.log(1 - 0.9**2)


def test_no_correlation_reaches_one():
    with pytest.raises(ValueError, match="correlation: expected numbers in"):
        wyner_information([0.5, 1.0])


def test_gradients_are_finite(rng):
    def loss(outputs):
        law = full_gaussian().distribution(outputs, 2)
        return law.log_prob(jnp.ones((1, 1, 1, 2))).sum()

    gradient = jax.grad(loss)(jax.random.normal(rng, (1, 1, 1, 5)))
    assert np.isfinite(gradient).all() and (np.abs(gradient) > 0).all()
