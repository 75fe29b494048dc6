"""Categorical pixels against scipy, and draws against their masses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
import scipy.stats

from vaejax.distributions import Categorical, categorical


def logits_of(shape, seed=0, scale=2.0):
    return scale * np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("bits", [1, 2, 5, 8])
def test_log_prob_is_the_log_softmax_at_the_value(bits):
    logits, size = logits_of((2, 3, 3, 2, 2**bits)), 2**bits
    index = np.random.default_rng(1).integers(0, size, (2, 3, 3, 2))
    expected = scipy.special.log_softmax(logits.astype(np.float64), -1)
    expected = np.take_along_axis(expected, index[..., None], -1)[..., 0]
    values = (index / (size - 1)).astype(np.float32)
    actual = Categorical(logits).log_prob(values)
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)


def test_masses_of_all_values_sum_to_one():
    distribution = Categorical(jnp.broadcast_to(logits_of((1, 1, 1, 1, 256)), (256, 1, 1, 1, 256)))
    values = np.arange(256, dtype=np.float32).reshape(-1, 1, 1, 1) / 255
    np.testing.assert_allclose(jnp.exp(distribution.log_prob(values)).sum(), 1.0, rtol=1e-5)


def test_images_of_eight_bits_are_read_as_they_are_stored():
    """k / 255 in float32 is value k, whichever way it was divided, and what lies beyond, the last.

    A logit that is high at one value only tells which value was read.
    """
    logits = jnp.where(jnp.eye(256, dtype=bool), 50.0, 0.0)[:, None, None, None]
    stored = np.arange(256, dtype=np.uint8).reshape(-1, 1, 1, 1)
    for values in (stored / np.float32(255), stored * np.float32(1 / 255)):
        np.testing.assert_allclose(Categorical(logits).log_prob(values), 0.0, atol=1e-5)
    beyond = np.array([-0.5, 1.5], np.float32).reshape(2, 1, 1, 1)
    np.testing.assert_allclose(
        Categorical(logits[np.array([0, 255])]).log_prob(beyond), 0, atol=1e-5
    )


def test_the_gradient_is_one_hot_minus_the_probabilities():
    logits = logits_of((4, 1, 1, 1, 8))
    values = np.arange(4, dtype=np.float32).reshape(4, 1, 1, 1) / 7
    gradient = jax.grad(lambda x: Categorical(x).log_prob(values).sum())(logits)
    expected = np.eye(8)[:4] - scipy.special.softmax(logits.reshape(4, 8), -1)
    np.testing.assert_allclose(gradient.reshape(4, 8), expected, atol=1e-6)


def test_far_logits_stay_finite():
    logits = np.array([-1e4, 0.0, 1e4, 1e4], np.float32).reshape(1, 1, 1, 1, 4)
    log_prob = Categorical(logits).log_prob(np.zeros((1, 1, 1, 1), np.float32))
    np.testing.assert_allclose(log_prob, -2e4 - np.log(2), rtol=1e-6)


def test_the_mean_is_that_of_the_masses():
    logits = logits_of((2, 3, 3, 3, 16))
    expected = (scipy.special.softmax(logits, -1) * np.linspace(0, 1, 16)).sum(-1)
    np.testing.assert_allclose(Categorical(logits).mean(), expected, rtol=1e-5)


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_samples_follow_the_masses(rng, temperature):
    logits = logits_of((1, 1, 1, 2, 8), scale=1.0)
    logits[..., 3] = -100.0  # never drawn
    distribution = Categorical(jnp.broadcast_to(logits, (20_000, 1, 1, 2, 8)))
    draws = np.asarray(distribution.with_temperature(temperature).sample(rng))[:, 0, 0]
    masses = scipy.special.softmax(logits.reshape(2, 8) / temperature, -1)
    drawn = [k for k in range(8) if k != 3]
    for channel in range(2):
        values, counts = np.unique(np.round(draws[:, channel] * 7), return_counts=True)
        np.testing.assert_array_equal(values, drawn)
        test = scipy.stats.chisquare(counts, 20_000 * masses[channel, drawn], sum_check=False)
        assert test.pvalue > 1e-3
    assert abs(np.corrcoef(draws.T)[0, 1]) < 0.03


def test_a_draw_is_a_value_of_the_images(rng):
    """And `log_prob` reads it as the one that was drawn."""
    draws = Categorical(np.zeros((64, 4, 4, 1, 256), np.float32)).sample(rng)
    np.testing.assert_allclose(draws * 255, np.round(draws * 255), atol=1e-4)
    assert draws.min() >= 0 and draws.max() <= 1 and len(np.unique(draws)) > 200


def test_outputs_are_laid_out_colour_after_colour():
    outputs = logits_of((2, 3, 3, 12))
    distribution = categorical(bits=2).distribution(outputs, 3)
    np.testing.assert_array_equal(distribution.logits[..., 1, :], outputs[..., 4:8])
