"""The importance-weighted bound of models whose likelihood has a closed form."""

from types import SimpleNamespace

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from vaejax.data import ArraySource
from vaejax.distributions import Normal, normal_latent, sum_events
from vaejax.evaluators import Context, importance_weighted
from vaejax.objectives import elbo
from vaejax.parallel import data_mesh
from vaejax.types import VAEOutput

# p(z) = N(0, I), p(x | z) = N(W z, s^2 I), so that p(x) = N(0, W W' + s^2 I). The columns of W are
# orthogonal, so that p(z | x) = N(W' x / (|w|^2 + s^2), s^2 / (|w|^2 + s^2)) elementwise.
SCALE = 0.5
WEIGHTS = np.array([[0.6, 0.6, 0.6, 0.6], [0.3, -0.3, 0.3, -0.3]])  # [D, H * W]
PRECISION = (WEIGHTS**2).sum(1) + SCALE**2
NUM_IMAGES = 21  # no multiple of the batch sizes


class LinearGaussian(nn.Module):
    """Images [2, 2, 1] from two groups of one latent; q is the posterior, or one wider than it."""

    widen: float = 1.0

    @nn.compact
    def __call__(self, images, *, train, noise=None):
        del train
        means = images.reshape(-1, 4) @ (WEIGHTS / PRECISION[:, None]).T  # [B, D]
        latents = []
        for group in range(2):
            mean = means[:, group : group + 1]
            scale = self.widen * SCALE / np.sqrt(PRECISION[group])
            posterior = Normal(mean, jnp.full_like(mean, scale))
            z = posterior.at(jnp.zeros_like(mean) if noise is None else noise[group])
            latents.append(normal_latent(z, posterior, Normal.standard(z)))
        z = jnp.concatenate([latent.z for latent in latents], 1)
        mean = (z @ WEIGHTS).reshape(-1, 2, 2, 1)
        likelihood = Normal(mean, jnp.full_like(mean, SCALE))
        return VAEOutput(sum_events(likelihood.log_prob(images)), tuple(latents), likelihood)


IMAGES = np.random.default_rng(0).random((NUM_IMAGES, 2, 2, 1)).astype(np.float32)
STATE = SimpleNamespace(ema_params={"model": {}}, model_state={})
TRUE = scipy.stats.multivariate_normal(
    np.zeros(4), WEIGHTS.T @ WEIGHTS + SCALE**2 * np.eye(4)
).logpdf(IMAGES.reshape(-1, 4)).mean()  # fmt: skip


def scores(widen=1.0, batch_size=8, **kwargs):
    model = LinearGaussian(widen)
    context = Context(model, elbo(model), {"test": ArraySource(IMAGES)}, data_mesh(), seed=0)
    return dict(importance_weighted(context, batch_size=batch_size, **kwargs)(STATE))


def test_the_true_posterior_gives_the_likelihood_itself():
    exact = scores(num_samples=3, chunk=2)
    np.testing.assert_allclose(exact["log_likelihood"], TRUE, rtol=1e-5)
    np.testing.assert_allclose(exact["elbo"], TRUE, rtol=1e-5)
    np.testing.assert_allclose(exact["log_likelihood_bpd"], -TRUE / (4 * np.log(2)), rtol=1e-5)
    assert (exact["num_samples"], exact["num_examples"]) == (3, NUM_IMAGES)


def test_more_samples_come_nearer_from_below():
    """The ELBO of q is log p(x) - KL(q || p(z | x)), with s the ratio of scales."""
    few, more, many = (scores(widen=3.0, num_samples=k, chunk=50) for k in (1, 5, 2000))
    assert few["log_likelihood"] < more["log_likelihood"] < many["log_likelihood"]
    np.testing.assert_allclose(few["elbo"], few["log_likelihood"], rtol=1e-6)
    np.testing.assert_allclose(many["log_likelihood"], TRUE, atol=0.02)
    kl = 2 * (0.5 * (3.0**2 - 1.0) - np.log(3.0))
    np.testing.assert_allclose(many["elbo"], TRUE - kl, atol=0.1)


@pytest.mark.parametrize("kwargs", [{"chunk": 1}, {"chunk": 3}, {"batch_size": 16}])
def test_neither_chunks_nor_batches_change_the_numbers(kwargs):
    expected = scores(widen=2.0, num_samples=7, chunk=7)
    actual = scores(widen=2.0, num_samples=7, **kwargs)
    for name in ("log_likelihood", "elbo", "elbo_bpd"):
        np.testing.assert_allclose(actual[name], expected[name], rtol=1e-5)


def test_intervals_are_those_of_the_images():
    """With the true posterior every image's estimate is its log p(x)."""
    exact = scores(num_samples=3, chunk=2)
    law = scipy.stats.multivariate_normal(np.zeros(4), WEIGHTS.T @ WEIGHTS + SCALE**2 * np.eye(4))
    each = law.logpdf(IMAGES.reshape(-1, 4))
    ends = scipy.stats.t.interval(0.95, NUM_IMAGES - 1, each.mean(), scipy.stats.sem(each))
    for name in ("log_likelihood", "elbo"):
        actual = [exact[f"{name}_low"], exact[f"{name}_high"]]
        np.testing.assert_allclose(actual, ends, rtol=1e-4)
        bits = [exact[f"{name}_bpd_high"], exact[f"{name}_bpd_low"]]
        np.testing.assert_allclose(bits, -np.array(ends) / (4 * np.log(2)), rtol=1e-4)


def test_mistakes_are_told():
    with pytest.raises(ValueError, match="num_samples: expected at least 1, got 0"):
        scores(num_samples=0)
    with pytest.raises(ValueError, match="batch_size: expected a multiple of 8 devices, got 12"):
        scores(batch_size=12)
