"""The standard normal prior: its density by scipy, and the way from noise to codes and back."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from vaejax.models import ConvVAE
from vaejax.models.priors import Context, standard

CODES = jax.random.normal(jax.random.key(0), (4, 2, 3, 5))


@pytest.mark.parametrize("scale", [1.0, 1.01, 0.5])
def test_density_is_scipys(scale):
    prior = standard(scale)
    expected = scipy.stats.norm.logpdf(CODES, scale=scale)
    log_prob = prior.log_prob(CODES, Context())
    np.testing.assert_allclose(log_prob, expected.sum((1, 2, 3)), rtol=1e-5)
    np.testing.assert_allclose(prior.normal(CODES).log_prob(CODES), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_noise_becomes_codes_and_codes_noise(scale):
    prior = standard(scale)
    codes = prior.from_noise(CODES, Context(), 1.0)
    np.testing.assert_allclose(codes, scale * CODES, rtol=1e-6)
    np.testing.assert_allclose(prior.to_noise(codes, Context()), CODES, rtol=1e-5)
    draws = prior.from_noise(jax.random.normal(jax.random.key(1), (20_000, 1)), Context(), 1.0)
    assert scipy.stats.kstest(np.ravel(draws), "norm", (0, scale)).pvalue > 1e-3


def test_temperature_multiplies_the_standard_deviation():
    codes = standard(0.5).from_noise(CODES, Context(), 0.7)
    np.testing.assert_allclose(codes, 0.35 * CODES, rtol=1e-6)
    np.testing.assert_array_equal(standard().from_noise(CODES, Context(), 0.0), 0.0)


def test_equal_priors_make_equal_models():
    def model(scale):
        return ConvVAE((8, 8, 1), 3, "burda", prior=standard(scale))

    assert model(2.0) == model(2.0) and hash(model(2.0)) == hash(model(2.0))
    assert model(2.0) != model(1.0) == ConvVAE((8, 8, 1), 3, "burda")


def test_a_models_kl_and_samples_are_those_of_its_prior(tiny_batch):
    """KL(N(m, s^2) || N(0, 2^2)) in closed form; samples are decoded from codes of reach 2."""
    wide, plain = (ConvVAE((8, 8, 1), 3, "burda", prior=standard(s)) for s in (2.0, 1.0))
    keys = jax.random.split(jax.random.key(0), 16)
    noise = wide.noise(keys)
    variables = jax.jit(lambda: plain.init(jax.random.key(0), tiny_batch, noise=noise))()
    (latent,) = wide.apply(variables, tiny_batch, noise=noise).latents
    mean, scale = latent.posterior.loc, latent.posterior.scale
    kl = jnp.log(2.0 / scale) + (scale**2 + mean**2) / 8.0 - 0.5
    np.testing.assert_allclose(latent.kl, kl.sum(1), rtol=1e-5)
    samples = wide.apply(variables, noise, method="from_noise")
    twice = {**noise, "latent": (2.0 * noise["latent"][0],)}
    expected = plain.apply(variables, twice, method="from_noise")
    np.testing.assert_allclose(samples, expected, rtol=1e-5)


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan")])
def test_impossible_scales_are_refused(scale):
    with pytest.raises(ValueError, match="scale: expected a number > 0"):
        standard(scale)
