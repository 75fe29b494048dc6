"""Likelihoods: number of outputs, shapes, and the densities they stand for."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from tests.precision import enable_x64
from vaejax.distributions import (
    Bernoulli,
    Likelihood,
    bernoulli,
    categorical,
    full_gaussian,
    gaussian,
    logistic_mixture,
    soft_clamp,
)
from vaejax.models import ConvVAE


@pytest.mark.parametrize(
    ("likelihood", "channels", "outputs"),
    [
        (bernoulli(), 1, 1),
        (categorical(), 3, 768),
        (categorical(bits=5), 4, 128),
        (gaussian(), 3, 3),
        (gaussian(scale=None), 4, 8),
        (logistic_mixture(10), 3, 100),
        (logistic_mixture(5), 1, 15),
    ],
)
def test_outputs_become_a_distribution_over_images(likelihood, channels, outputs):
    assert likelihood.num_outputs(channels) == outputs
    distribution = likelihood.distribution(jnp.zeros((2, 4, 4, outputs)), channels)
    assert distribution.mean().shape == (2, 4, 4, channels)
    log_prob = distribution.log_prob(jnp.full((2, 4, 4, channels), 0.5))
    assert log_prob.shape[:3] == (2, 4, 4)


@pytest.mark.parametrize(
    ("likelihood", "channels", "scored"),
    [
        (bernoulli(), 1, 12 * 8),
        (bernoulli(border=2), 1, 8 * 4),
        (bernoulli(border=1), 3, 10 * 6 * 3),
        (logistic_mixture(2), 3, 12 * 8 * 3),
        (gaussian(symmetric=True), 2, 12 * 8 * 2),
    ],
)
def test_dimensions_that_are_scored(likelihood, channels, scored):
    outputs = jnp.zeros((2, 12, 8, likelihood.num_outputs(channels)))
    distribution = likelihood.distribution(outputs, channels)
    assert likelihood.num_dims((12, 8, channels)) == scored
    log_prob = distribution.log_prob(jnp.zeros((2, 12, 8, channels)))
    assert math.prod(log_prob.shape[1:3]) * channels == scored  # [B, h, w, ...] of those pixels


def test_equal_arguments_make_models_equal():
    """So that what was compiled for one model serves the others of its configuration."""

    def model(scale):
        return ConvVAE(image_shape=(8, 8, 1), preset="burda", likelihood=gaussian(scale))

    assert model(0.5) == model(0.5) and hash(model(0.5)) == hash(model(0.5))
    assert model(0.5) != model(0.25)
    assert gaussian() == gaussian(1.0) == gaussian(scale=1.0)
    assert gaussian() != bernoulli()


def test_likelihoods_of_ones_own_are_equal_if_all_their_settings_are():
    """A setting that equality does not know of would let one model's program serve another."""

    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Sharp(Likelihood):
        factor: float

        def num_outputs(self, channels):
            return channels

        def distribution(self, outputs, channels):
            return Bernoulli(self.factor * outputs)

    assert Sharp(factor=2.0) == Sharp(factor=2.0) != Sharp(factor=3.0)
    model = ConvVAE((8, 8, 1), 2, "burda", Sharp(factor=2.0))
    assert model.num_dims == 64 and model != ConvVAE((8, 8, 1), 2, "burda", Sharp(factor=3.0))


def test_fixed_scale_is_squared_error_and_a_constant():
    x, mean = jnp.full((1, 1, 1, 1), 0.7), jnp.full((1, 1, 1, 1), 0.2)
    actual = gaussian(0.5).distribution(mean, 1).log_prob(x)
    np.testing.assert_allclose(actual, scipy.stats.norm.logpdf(x, mean, 0.5), rtol=1e-6)


def test_learned_scale_is_a_second_output():
    outputs = jnp.array([0.3, -2.0]).reshape(1, 1, 1, 2)
    normal = gaussian(scale=None).distribution(outputs, 1)
    expected = np.exp(soft_clamp(-2.0)) + 0.01
    np.testing.assert_allclose(normal.scale.reshape(()), expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: gaussian(-1.0), "scale: expected a positive number"),
        (lambda: logistic_mixture(0), "num_mixtures: expected at least 1"),
        (lambda: logistic_mixture(bits=17), "bits: expected at most 16"),
        (lambda: categorical(bits=9), "bits: expected at most 8, got 9"),
        (lambda: categorical(bits=0), "bits: expected at least 1, got 0"),
    ],
)
def test_impossible_settings_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_official_normal_decoder(vectors):
    """Parameters learned per pixel, the density that of 2x - 1."""
    with np.load(vectors("nvae_ref.npz")) as file:
        outputs, x, expected = (
            file[f"normaldec/{name}"].transpose(0, 2, 3, 1) for name in ("param", "x01", "logprob")
        )
    with enable_x64(True):
        distribution = gaussian(scale=None, symmetric=True).distribution(jnp.asarray(outputs), 3)
        np.testing.assert_allclose(distribution.log_prob(jnp.asarray(x)), expected, rtol=1e-9)
        mean = distribution.base.mean()
        np.testing.assert_allclose(2.0 * distribution.mean() - 1.0, mean, rtol=1e-9, atol=1e-12)


def test_symmetric_draws_lie_where_the_images_do(rng):
    outputs = jnp.full((1, 50, 50, 2), -3.0)
    draw = gaussian(scale=None, symmetric=True).distribution(outputs.at[..., 0].set(1.0), 1)
    np.testing.assert_allclose(draw.sample(rng).mean(), draw.mean()[0, 0, 0, 0], atol=0.01)


def test_outputs_whose_means_are_given():
    means = jnp.array([0.001, 0.25, 0.999]).reshape(1, 1, 3, 1)
    pixels = bernoulli()
    outputs = pixels.outputs_for(means)
    np.testing.assert_allclose(pixels.distribution(outputs, 1).mean(), means, rtol=1e-5)
    assert gaussian(None).outputs_for(means) is None


ALL = [
    bernoulli(),
    bernoulli(border=2),
    categorical(bits=3),
    gaussian(0.5),
    gaussian(None),
    gaussian(None, symmetric=True),
    full_gaussian(),
    logistic_mixture(2),
]


@pytest.mark.parametrize("likelihood", ALL, ids=str)
def test_one_pixel_is_drawn_as_in_an_image(likelihood, rng):
    """A sampler draws pixel by pixel, each image with its own key, at a temperature it is given."""
    outputs = 0.5 * jax.random.normal(rng, (3, 1, 1, likelihood.num_outputs(3)))
    keys = jax.random.split(rng, 3)

    @jax.jit
    def draws(outputs, keys, temperature):
        pixels = likelihood.distribution(outputs, 3).with_temperature(temperature)
        return jax.vmap(lambda pixel, key: pixel.sample(key))(pixels, keys)

    drawn = draws(outputs, keys, 0.7)
    assert drawn.shape == (3, 1, 1, 3)
    for i in range(3):  # alone or in a batch, traced or not
        one = likelihood.distribution(outputs[i], 3).with_temperature(0.7)
        np.testing.assert_allclose(one.sample(keys[i]), drawn[i], rtol=1e-5, atol=1e-6)
    cold = draws(outputs, keys, 1e-4)
    again = draws(outputs, jax.random.split(jax.random.key(1), 3), 1e-4)
    np.testing.assert_allclose(cold, again, atol=0.01)  # the mode, whatever the key


@pytest.mark.parametrize("make", [gaussian, full_gaussian, lambda: gaussian(None, symmetric=True)])
def test_a_temperature_multiplies_the_scales_of_gaussians(make, rng):
    """So that log p at a distance that many times as far falls by the logarithm alone."""
    outputs = 0.5 * jax.random.normal(rng, (2, 3, 3, make().num_outputs(2)))
    plain = make().distribution(outputs, 2)
    warm, mean = plain.with_temperature(3.0), plain.mean()
    np.testing.assert_array_equal(warm.mean(), mean)
    near, far = plain.log_prob(mean + 0.1), warm.log_prob(mean + 0.3)
    dims = 2 if near.ndim == 3 else 1  # the full covariance is over both channels of a pixel
    np.testing.assert_allclose(far, near - dims * np.log(3.0), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("likelihood", ALL, ids=str)
def test_the_colours_that_outputs_belong_to(likelihood):
    """Those of a colour move the mass of that colour and no other; or all are drawn together."""
    if likelihood.joint_channels:
        with pytest.raises(ValueError, match="likelihood: expected one whose colours have outputs"):
            likelihood.channel_of_outputs(3)
        return
    value = jnp.full((1, 5, 5, 3), 0.3)

    def log_prob(outputs):  # [3], of the pixel in the middle
        outputs = jnp.broadcast_to(outputs, (1, 5, 5, len(outputs)))
        log_prob = likelihood.distribution(outputs, 3).log_prob(value)
        return log_prob[0, log_prob.shape[1] // 2, log_prob.shape[2] // 2]

    jacobian = jax.jacobian(log_prob)(0.1 * jnp.arange(float(likelihood.num_outputs(3))))
    depends = np.asarray(jacobian).T != 0  # [outputs, 3]
    belongs = likelihood.channel_of_outputs(3)[:, None] == np.arange(3)
    np.testing.assert_array_equal(depends, belongs)
