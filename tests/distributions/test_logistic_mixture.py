"""The discretised logistic mixture: normalisation, the naive formula, the official arrays."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.precision import enable_x64
from vaejax.distributions import LogisticMixture


def random_mixture(seed: int, batch: int, channels: int, num_mixtures: int = 3, **kwargs):
    size = LogisticMixture.num_outputs(channels, num_mixtures)
    outputs = 2.0 * jax.random.normal(jax.random.key(seed), (batch, 1, 1, size))
    return LogisticMixture.from_outputs(outputs, channels, **kwargs)


def all_values(bits: int, channels: int) -> np.ndarray:
    """Every image of one pixel, [N, 1, 1, C]."""
    levels = np.linspace(0.0, 1.0, 2**bits)
    grid = np.array(list(itertools.product(levels, repeat=channels)))
    return grid[:, None, None, :].astype(np.float32)


def broadcast(mixture: LogisticMixture, num: int) -> LogisticMixture:
    return jax.tree.map(lambda x: jnp.broadcast_to(x, (num, *x.shape[1:])), mixture)


@pytest.mark.parametrize(("bits", "channels"), [(8, 1), (5, 1), (16, 1), (2, 3), (4, 3)])
@pytest.mark.parametrize("seed", range(3))
def test_masses_of_all_values_sum_to_one(bits, channels, seed):
    values = all_values(bits, channels)
    mixture = broadcast(random_mixture(seed, 1, channels, bits=bits), len(values))
    total = jnp.exp(mixture.log_prob(values).astype(jnp.float32)).sum()
    np.testing.assert_allclose(total, 1.0, atol=1e-5 if bits < 16 else 1e-3)


def test_narrow_and_bright_components_stay_normalised():
    """The case in which the official 8-bit likelihood sums to 1.47 (mean 0.99, log-scale -3)."""
    outputs = jnp.array([0.0, 0.99, -3.0])[None, None, None, :]
    values = all_values(8, 1)

    def total(edge_threshold):
        mixture = LogisticMixture.from_outputs(outputs, 1, edge_threshold=edge_threshold)
        return float(jnp.exp(broadcast(mixture, 256).log_prob(values)).sum())

    assert total(None) == pytest.approx(1.0, abs=1e-5)
    assert total(0.999) == pytest.approx(1.0, abs=1e-4)
    assert total(0.99) == pytest.approx(1.4695, abs=1e-3)


def test_gradients_are_finite_where_masses_underflow():
    outputs = jnp.array([0.0, -1.0, -7.0])[None, None, None, :]

    def log_mass(outputs):
        return LogisticMixture.from_outputs(outputs, 1).log_prob(jnp.ones((1, 1, 1, 1))).sum()

    value, grad = jax.value_and_grad(log_mass)(outputs)
    assert value < -1000
    assert np.isfinite(grad).all()


@pytest.mark.parametrize("bits", [8, 5])
def test_official_log_probs(vectors, bits):
    """With NVAE's threshold, every pixel of the official map in float64."""
    arrays = np.load(vectors("nvae_ref.npz"))
    with enable_x64(True):
        outputs = jnp.asarray(arrays["dmol/logits"], jnp.float64).transpose(0, 2, 3, 1)
        images = jnp.asarray(arrays[f"dmol/x01_bits{bits}"], jnp.float64).transpose(0, 2, 3, 1)
        mixture = LogisticMixture.from_outputs(outputs, 3, bits, edge_threshold=0.99)
        expected = arrays[f"dmol/logprob_bits{bits}"]
        np.testing.assert_allclose(mixture.log_prob(images), expected, rtol=1e-9)
        loss = -mixture.log_prob(images).sum((1, 2))
        np.testing.assert_allclose(loss, arrays[f"dmol/recon_loss_bits{bits}"], rtol=1e-9)


def test_official_mean_and_samples(vectors):
    arrays = np.load(vectors("nvae_ref.npz"))
    with enable_x64(True):
        outputs = jnp.asarray(arrays["dmol/logits"], jnp.float64).transpose(0, 2, 3, 1)
        mixture = LogisticMixture.from_outputs(outputs, 3)
        mean = mixture.mean().transpose(0, 3, 1, 2)
        np.testing.assert_allclose(mean, arrays["dmol/mean"], rtol=1e-9, atol=1e-12)
        sample = mixture.sample_from(
            jnp.moveaxis(jnp.asarray(arrays["dmol/sample_u_mix"], jnp.float64), 1, -1),
            jnp.moveaxis(jnp.asarray(arrays["dmol/sample_u_logistic"], jnp.float64), 1, -1),
        ).transpose(0, 3, 1, 2)
        # The official code takes the logarithms of these uniforms in float32.
        np.testing.assert_allclose(sample, arrays["dmol/sample_t1"], atol=2e-6)


def test_samples_follow_the_masses(rng):
    mixture = random_mixture(0, 1, 1)
    draws = broadcast(mixture, 20_000).sample(rng).reshape(-1)
    assert draws.min() >= 0.0 and draws.max() <= 1.0
    values = all_values(8, 1)
    below_half = float(jnp.exp(broadcast(mixture, 256).log_prob(values)).reshape(-1)[:128].sum())
    assert abs((draws < 127.5 / 255).mean() - below_half) < 0.015


def test_other_channel_counts_are_refused():
    with pytest.raises(ValueError, match="channels: expected 1 or 3"):
        LogisticMixture.num_outputs(4, 10)


@pytest.mark.parametrize("temperature", ["1", "0.7"])
def test_official_samples_at_a_temperature(vectors, temperature):
    """The official code divides the scales by a temperature that it should multiply them with."""
    with np.load(vectors("nvae_ref.npz")) as file:
        names = ("logits", "sample_u_mix", "sample_u_logistic", f"sample_t{temperature}")
        logits, *uniforms, expected = (file[f"dmol/{name}"] for name in names)
    with enable_x64(True):
        outputs = jnp.asarray(logits.transpose(0, 2, 3, 1), jnp.float64)
        uniforms = [jnp.asarray(u.transpose(0, 2, 3, 1), jnp.float64) for u in uniforms]
        mixture = LogisticMixture.from_outputs(outputs, 3)
        official = mixture.with_temperature(float(temperature), nvae_compat=True)
        samples = official.sample_from(*uniforms)
        # The official logarithms were taken in float32.
        np.testing.assert_allclose(samples, expected.transpose(0, 2, 3, 1), atol=2e-6)


def test_a_low_temperature_sharpens():
    mixture = random_mixture(0, 1, 3)
    cold = mixture.with_temperature(0.5)
    np.testing.assert_allclose(
        jnp.exp(cold.log_scales), 0.5 * jnp.exp(mixture.log_scales), rtol=1e-5
    )
    np.testing.assert_allclose(cold.mixture_logits, 2.0 * mixture.mixture_logits, rtol=1e-6)
