"""Gaussians against scipy, closed forms and the official NVAE arrays."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from tests.precision import enable_x64
from vaejax.distributions import (
    Normal,
    bits_per_dim,
    drawn_latent,
    estimated_latent,
    gaussian_total_correlation,
    kl_multivariate_normal,
    kl_normal,
    normal_entropy,
    normal_latent,
    soft_clamp,
    sum_events,
)


def random_normal(seed: int, shape=(4, 3)) -> Normal:
    mean_rng, scale_rng = jax.random.split(jax.random.key(seed))
    return Normal(jax.random.normal(mean_rng, shape), jnp.exp(jax.random.normal(scale_rng, shape)))


def random_covariance(seed: int, size: int) -> np.ndarray:
    factor = np.random.default_rng(seed).normal(size=(size, size))
    return factor @ factor.T + 0.5 * np.eye(size)


def test_log_prob_is_scipys(rng):
    normal = random_normal(0)
    value = jax.random.normal(rng, (4, 3))
    expected = scipy.stats.norm.logpdf(value, normal.loc, normal.scale)
    np.testing.assert_allclose(normal.log_prob(value), expected, rtol=1e-5, atol=1e-6)


def test_kl_of_diagonal_gaussians_is_the_expected_log_ratio():
    """KL = E_q[log q - log p], by 64-point Gauss-Hermite quadrature (exact for quadratics)."""
    q, p = random_normal(1), random_normal(2)
    nodes, weights = np.polynomial.hermite_e.hermegauss(64)
    q_loc, q_scale, p_loc, p_scale = (np.asarray(x)[..., None] for x in (*q, *p))
    z = q_loc + q_scale * nodes
    log_q, log_p = (
        scipy.stats.norm.logpdf(z, q_loc, q_scale),
        scipy.stats.norm.logpdf(z, p_loc, p_scale),
    )
    ratio = log_q - log_p
    expected = (ratio * weights).sum(-1) / weights.sum()
    np.testing.assert_allclose(kl_normal(q, p), expected, rtol=1e-4, atol=1e-6)


def test_kl_is_zero_between_equals_and_positive_otherwise():
    q = random_normal(3)
    np.testing.assert_allclose(kl_normal(q, q), 0.0, atol=1e-7)
    assert (kl_normal(q, random_normal(4)) > 0).all()


def test_full_covariance_kl_agrees_with_the_formula_of_the_thesis():
    m0, m1 = np.arange(3.0), np.array([0.5, -1.0, 2.0])
    s0, s1 = random_covariance(0, 3), random_covariance(1, 3)
    inverse = np.linalg.inv(s1)
    expected = 0.5 * (  # Eq. A.9
        np.log(np.linalg.det(s1) / np.linalg.det(s0))
        - 3
        + (m0 - m1) @ inverse @ (m0 - m1)
        + np.trace(inverse @ s0)
    )
    actual = kl_multivariate_normal(*map(jnp.asarray, (m0, s0, m1, s1)))
    np.testing.assert_allclose(actual, expected, rtol=1e-5)


def test_full_covariance_kl_of_diagonals_is_the_diagonal_one():
    q, p = random_normal(5), random_normal(6)
    covariance = jax.vmap(lambda scale: jnp.diag(scale**2))
    actual = kl_multivariate_normal(q.loc, covariance(q.scale), p.loc, covariance(p.scale))
    np.testing.assert_allclose(actual, kl_normal(q, p).sum(-1), rtol=1e-4, atol=1e-5)


def test_latent_holds_densities_of_the_sample():
    posterior = random_normal(7, (2, 5))
    z = posterior.at(jnp.full((2, 5), 0.3))
    latent = normal_latent(z, posterior, Normal.standard(z))
    np.testing.assert_allclose(
        latent.log_p, scipy.stats.norm.logpdf(z).sum(-1), rtol=1e-5, atol=1e-5
    )
    np.testing.assert_allclose(latent.log_q, posterior.log_prob(z).sum(-1), rtol=1e-6)
    kl = kl_normal(posterior, Normal.standard(z))
    np.testing.assert_allclose(latent.kl_dims, kl, rtol=1e-6)  # a vector has no positions
    np.testing.assert_allclose(latent.kl, kl.sum(1), rtol=1e-6)


def test_the_kl_of_a_map_is_summed_over_positions_and_over_all():
    posterior = random_normal(8, (2, 3, 4, 5))
    latent = normal_latent(posterior.loc, posterior, Normal.standard(posterior.loc))
    kl = np.asarray(kl_normal(posterior, Normal.standard(posterior.loc)))
    np.testing.assert_allclose(latent.kl_dims, kl.sum((1, 2)), rtol=1e-5)
    np.testing.assert_allclose(latent.kl, kl.sum((1, 2, 3)), rtol=1e-5)
    np.testing.assert_allclose(latent.log_q, posterior.log_prob(latent.z).sum((1, 2, 3)), rtol=1e-5)


def test_a_kl_without_a_closed_form_is_that_of_one_draw():
    latent = estimated_latent(jnp.zeros((2, 3)), jnp.array([1.0, 2.0]), jnp.array([-1.0, 5.0]))
    np.testing.assert_array_equal(latent.kl, [2.0, -3.0])
    assert latent.kl_dims is None and latent.posterior is None


def test_a_kl_to_a_prior_of_the_draw_itself_is_that_of_one_draw(rng):
    shapes = jax.random.normal(rng, (5, 2, 3, 4))
    posterior, prior = Normal(shapes[0], jnp.exp(shapes[1])), Normal(shapes[2], jnp.exp(shapes[3]))
    z = posterior.at(shapes[4])
    latent = drawn_latent(z, posterior, prior)
    q, p = (scipy.stats.norm.logpdf(z, *normal) for normal in (posterior, prior))
    np.testing.assert_allclose(latent.log_q, q.sum((1, 2)), rtol=1e-4)
    np.testing.assert_allclose(latent.log_p, p.sum((1, 2)), rtol=1e-4)
    np.testing.assert_allclose(latent.kl, (q - p).sum((1, 2)), rtol=1e-4)
    np.testing.assert_allclose(latent.kl_dims, (q - p).sum(1), rtol=1e-3, atol=1e-4)
    assert latent.posterior is posterior


def test_from_log_var_and_temperature():
    normal = Normal.from_log_var(jnp.zeros(2), jnp.log(jnp.array([4.0, 9.0])))
    np.testing.assert_allclose(normal.scale, [2.0, 3.0], rtol=1e-6)
    np.testing.assert_allclose(normal.with_temperature(0.5).scale, [1.0, 1.5], rtol=1e-6)


def test_samples_have_the_moments(rng):
    draws = Normal(jnp.full(20_000, 1.5), jnp.full(20_000, 0.5)).sample(rng)
    assert abs(draws.mean() - 1.5) < 0.02
    assert abs(draws.std() - 0.5) < 0.01


@pytest.mark.parametrize("name", ["q", "p"])
def test_soft_clamped_is_the_official_nvae_normal(vectors, name):
    arrays = np.load(vectors("nvae_ref.npz"))
    with enable_x64(True):
        normal = Normal.soft_clamped(
            jnp.asarray(arrays[f"normal/mu_{name}"]), jnp.asarray(arrays[f"normal/logsig_{name}"])
        )
        np.testing.assert_allclose(normal.loc, arrays[f"normal/{name}_mu"], rtol=1e-12)
        np.testing.assert_allclose(normal.scale, arrays[f"normal/{name}_sigma"], rtol=1e-12)


def test_sample_densities_and_kl_are_the_official_nvae_ones(vectors):
    arrays = np.load(vectors("nvae_ref.npz"))
    with enable_x64(True):
        q, p = (
            Normal(jnp.asarray(arrays[f"normal/{n}_mu"]), jnp.asarray(arrays[f"normal/{n}_sigma"]))
            for n in "qp"
        )
        z = q.at(arrays["normal/eps"])
        np.testing.assert_allclose(z, arrays["normal/z"], rtol=1e-12)
        np.testing.assert_allclose(q.log_prob(z), arrays["normal/logq_z"], rtol=1e-9)
        np.testing.assert_allclose(p.log_prob(z), arrays["normal/logp_z"], rtol=1e-9)
        np.testing.assert_allclose(kl_normal(q, p), arrays["normal/kl_q_p"], rtol=1e-9)
        x, y = arrays["softclamp/x"], arrays["softclamp/y"]
        np.testing.assert_allclose(soft_clamp(jnp.asarray(x)), y, rtol=1e-12)


def test_sum_events_and_bits_per_dim():
    np.testing.assert_allclose(sum_events(jnp.ones((2, 3, 4))), [12.0, 12.0])
    assert bits_per_dim(np.log(2.0) * 784, 784) == pytest.approx(1.0)


def test_gaussian_total_correlation_is_the_kl_to_independence():
    """Against the KL of full-covariance Gaussians, and -1/2 log(1 - rho^2)."""
    root = np.random.default_rng(0).normal(size=(4, 4))
    covariance = jnp.asarray(root @ root.T, jnp.float32)
    zero, diagonal = jnp.zeros(4), jnp.diag(jnp.diagonal(covariance))
    expected = kl_multivariate_normal(zero, covariance, zero, diagonal)
    np.testing.assert_allclose(gaussian_total_correlation(covariance), expected, rtol=1e-4)
    pair = jnp.array([[4.0, 1.2], [1.2, 1.0]])  # rho = 0.6
    np.testing.assert_allclose(gaussian_total_correlation(pair), -0.5 * np.log(1 - 0.36), rtol=1e-5)


def test_gaussian_total_correlation_is_always_finite():
    assert float(gaussian_total_correlation(jnp.zeros((3, 3)))) == 0.0
    assert np.isfinite(gaussian_total_correlation(jnp.ones((3, 3))))


def test_entropy_is_that_of_scipy():
    scales = np.array([0.1, 1.0, 7.0], np.float32)
    np.testing.assert_allclose(
        normal_entropy(scales), scipy.stats.norm(0, scales).entropy(), rtol=1e-5
    )
