"""Bernoulli pixels against scipy."""

import jax
import jax.numpy as jnp
import numpy as np
import scipy.stats

from tests.precision import enable_x64
from vaejax.distributions import Bernoulli


def test_log_prob_is_scipys():
    logits = jnp.array([-12.0, -1.0, 0.0, 2.0, 12.0])
    for value in (0.0, 1.0):
        expected = scipy.stats.bernoulli.logpmf(value, scipy.special.expit(np.float64(logits)))
        actual = Bernoulli(logits).log_prob(jnp.full(5, value))
        np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6)


def test_grey_values_give_the_cross_entropy():
    value, probability = 0.3, 0.8
    expected = value * np.log(probability) + (1 - value) * np.log(1 - probability)
    logit = jnp.array([np.log(probability / (1 - probability))])
    np.testing.assert_allclose(Bernoulli(logit).log_prob(jnp.array([value])), [expected], rtol=1e-5)


def test_samples_are_binary_with_the_right_mean(rng):
    draws = Bernoulli(jnp.full(20_000, 1.0)).sample(rng)
    assert set(np.unique(draws)) == {0.0, 1.0}
    assert abs(draws.mean() - jax.nn.sigmoid(1.0)) < 0.01


def test_a_border_is_not_scored(vectors):
    with np.load(vectors("nvae_ref.npz")) as file:
        arrays = {name: file[f"bernoulli/{name}"] for name in ("logits", "x")}
        expected = [file[f"bernoulli/recon_loss_{name}"] for name in ("crop", "nocrop")]
    with enable_x64(True):
        logits, x = (jnp.asarray(arrays[name].transpose(0, 2, 3, 1)) for name in ("logits", "x"))
        for border, loss in zip((2, 0), expected, strict=True):
            actual = -Bernoulli(logits, border).log_prob(x).sum((1, 2, 3))
            np.testing.assert_allclose(actual, loss, rtol=1e-9)


def test_a_temperature_divides_the_logits_and_keeps_the_border():
    logits = jnp.array([-1.0, 0.0, 2.0]).reshape(1, 1, 3, 1)
    cold = Bernoulli(logits, 1).with_temperature(0.5)
    np.testing.assert_allclose(cold.mean(), scipy.special.expit(2 * np.asarray(logits)), rtol=1e-6)
    assert cold.border == 1


def test_far_logits_are_exact_and_nan_is_seen():
    """log p and its derivatives x - p and -p (1 - p), wherever the logit is."""
    logits = np.array([-np.inf, -120.0, -30.0, 0.5, 30.0, 120.0])

    def log_prob(logit):
        return Bernoulli(logit).log_prob(jnp.float32(0.0))

    derivative = jax.grad(log_prob)
    probability = scipy.special.expit(logits)
    given = jnp.asarray(logits, jnp.float32)
    np.testing.assert_allclose(
        jax.vmap(log_prob)(given[1:]), -np.logaddexp(0, logits[1:]), 1e-6, 1e-30
    )
    np.testing.assert_allclose(jax.vmap(derivative)(given), -probability, 1e-6, 1e-30)
    second = jax.vmap(jax.grad(derivative))(given)
    np.testing.assert_allclose(second, -probability * (1 - probability), 1e-6, 1e-12)
    assert np.isnan(log_prob(jnp.nan)) and np.isnan(derivative(jnp.nan))
