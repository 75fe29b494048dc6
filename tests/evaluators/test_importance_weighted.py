"""The importance-weighted bound of models whose likelihood has a closed form."""

from types import SimpleNamespace

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from tests.leaves.bars import ROWS, bars
from tests.leaves.conditional import ConditionalVAE
from tests.leaves.pixels import PixelModel
from vaejax.core.mesh import data_mesh
from vaejax.core.randomness import stream
from vaejax.data import ArraySource
from vaejax.distributions import Normal, normal_latent, sum_events
from vaejax.evaluators import Context, importance_weighted, units_of
from vaejax.nn.noise import draw_each, example_keys, part_keys
from vaejax.objectives import elbo
from vaejax.runs.units import unit
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
    def __call__(self, batch, *, noise, codes=None, train=False):
        images = batch["image"]
        means = images.reshape(-1, 4) @ (WEIGHTS / PRECISION[:, None]).T  # [B, D]
        latents = []
        for group in range(2):
            mean = means[:, group : group + 1]
            scale = self.widen * SCALE / np.sqrt(PRECISION[group])
            posterior = Normal(mean, jnp.full_like(mean, scale))
            z = posterior.at(noise["latent"][group])
            latents.append(normal_latent(z, posterior, Normal.standard(z)))
        z = jnp.concatenate([latent.z for latent in latents], 1)
        mean = (z @ WEIGHTS).reshape(-1, 2, 2, 1)
        likelihood = Normal(mean, jnp.full_like(mean, SCALE))
        return VAEOutput(sum_events(likelihood.log_prob(images)), tuple(latents))

    @nn.nowrap
    def noise(self, keys):
        draws = [draw_each(jax.random.normal, part_keys(keys, group), (1,)) for group in range(2)]
        return {"latent": tuple(draws)}


IMAGES = np.random.default_rng(0).random((NUM_IMAGES, 2, 2, 1)).astype(np.float32)
STATE = SimpleNamespace(ema_params={"model": {}}, model_state={})
TRUE = scipy.stats.multivariate_normal(
    np.zeros(4), WEIGHTS.T @ WEIGHTS + SCALE**2 * np.eye(4)
).logpdf(IMAGES.reshape(-1, 4)).mean()  # fmt: skip


def evaluator(model, batch_size=8, **kwargs):
    context = Context(elbo(model), {"test": ArraySource(IMAGES)}, data_mesh(), seed=0)
    return importance_weighted(context, batch_size=batch_size, **kwargs)


def scores(widen=1.0, **kwargs):
    return dict(evaluator(LinearGaussian(widen), **kwargs)(STATE))


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


def test_noise_is_that_of_the_index_the_sample_and_the_group():
    """As it was before objectives drew noise: the numbers of runs already evaluated stay."""
    actual = scores(widen=2.0, num_samples=5, batch_size=16)
    rng = stream(0, "importance")

    def noise(index, sample, group):
        key = rng
        for number in (index, sample, group):
            key = jax.random.fold_in(key, number)
        return jax.random.normal(key, (1,))

    model, log_weights = LinearGaussian(2.0), []
    for sample in range(5):
        each = [[noise(i, sample, group) for i in range(NUM_IMAGES)] for group in range(2)]
        given = {"latent": tuple(map(jnp.stack, each))}
        log_weights.append(model.apply({}, {"image": IMAGES}, noise=given).log_weight)
    expected = jax.nn.logsumexp(jnp.stack(log_weights), axis=0).mean() - np.log(5)
    np.testing.assert_allclose(actual["log_likelihood"], expected, rtol=1e-5)


def test_without_latents_one_pass_says_all():
    model = PixelModel((2, 2, 1))
    params = model.init(jax.random.key(0), {"image": IMAGES})["params"]
    params = jax.tree.map(lambda x: x + 0.3 * jnp.arange(x.size).reshape(x.shape), params)
    state = SimpleNamespace(ema_params={"model": params}, model_state={})
    exact = model.apply({"params": params}, {"image": IMAGES}).log_px.mean()
    found = dict(evaluator(model, num_samples=10**9)(state))  # no machine has the time for so many
    ends = ("", "_low", "_high")
    names = {f"log_likelihood{bits}{end}" for bits in ("", "_bpd") for end in ends}
    assert set(found) == names | {"num_examples"}
    np.testing.assert_allclose(found["log_likelihood"], exact, rtol=1e-5)
    np.testing.assert_allclose(found["log_likelihood_bpd"], -exact / (4 * np.log(2)), rtol=1e-5)


def test_a_draw_that_is_no_code_counts_as_one():
    """Dequantisation by uniform noise: log p is estimated, though there are neither codes."""

    class Dequantised(nn.Module):
        def __call__(self, batch, *, noise, codes=None, train=False):
            images = batch["image"] + noise["dequantise"]
            return VAEOutput(-(images**2).sum((1, 2, 3)))

        @nn.nowrap
        def noise(self, keys):
            return {"dequantise": draw_each(jax.random.uniform, keys, (2, 2, 1))}

    few, many = (dict(evaluator(Dequantised(), num_samples=k)(STATE)) for k in (1, 20))
    assert many["num_samples"] == 20 and few["log_likelihood"] < many["log_likelihood"]


def test_pixels_that_are_not_scored_do_not_count_in_bits():
    class Bordered(LinearGaussian):
        num_dims = 2

    found = dict(evaluator(Bordered(), num_samples=2)(STATE))
    np.testing.assert_allclose(found["elbo_bpd"], -found["elbo"] / (2 * np.log(2)), rtol=1e-6)


def test_units_are_said():
    evaluate = evaluator(LinearGaussian(), num_samples=2)
    units = {name: unit(name, units_of(evaluate)) for name, _ in evaluate(STATE)}
    for name in ("log_likelihood", "elbo_low"):
        assert (
            units[name] == "nats/image" and units[name.replace("_low", "") + "_bpd"] == "bits/dim"
        )
    assert units["num_samples"] == units["num_examples"] == ""


def test_an_objective_without_weights_is_refused():
    views = elbo(LinearGaussian()).views._replace(log_weight=None)
    objective = elbo(LinearGaussian())._replace(views=views)
    context = Context(objective, {"test": ArraySource(IMAGES)}, data_mesh(), seed=0)
    with pytest.raises(ValueError, match="importance_weighted: expected .* view 'log_weight'"):
        importance_weighted(context)


def test_mistakes_are_told():
    with pytest.raises(ValueError, match="num_samples: expected at least 1, got 0"):
        scores(num_samples=0)
    with pytest.raises(ValueError, match="batch_size: expected a positive multiple of 8"):
        scores(batch_size=12)


def test_labels_and_all_else_of_a_batch_reach_the_model():
    """A class-conditional model: log p(x | label), by hand of whole batches."""
    splits, model = bars(), ConditionalVAE((8, 8, 1), ROWS)
    batch = splits["test"].batch(np.arange(len(splits["test"])))
    objective = elbo(model)
    params, model_state = jax.jit(objective.init)(jax.random.key(0), batch)
    state = SimpleNamespace(ema_params=params, model_state=model_state)
    context = Context(objective, splits, data_mesh(), seed=0)
    found = dict(importance_weighted(context, num_samples=1, batch_size=16)(state))
    keys = part_keys(example_keys(stream(0, "importance"), batch["index"]), 0)
    output = model.apply({"params": params["model"]}, batch, noise=model.noise(keys))
    np.testing.assert_allclose(found["log_likelihood"], output.log_weight.mean(), rtol=1e-5)
