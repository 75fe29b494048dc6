"""Evaluation covers every example once, whatever the batch size."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from vaejax import create_train_state, make_optimizer
from vaejax.core.mesh import data_mesh, replicated
from vaejax.core.randomness import named, stream
from vaejax.data import ArraySource
from vaejax.evaluators import Context, bound, pick_split, some_examples, units_of
from vaejax.models import ConvVAE
from vaejax.nn.noise import example_keys
from vaejax.objectives import elbo
from vaejax.runs.units import unit

MODEL = ConvVAE((8, 8, 1), 2, "burda")


@pytest.fixture(scope="module")
def context(tiny_batch):
    images = np.asarray(255 * tiny_batch["image"]).astype(np.uint8)
    images = np.concatenate([images, images[:5, ::-1]])  # 21: no multiple of the batch sizes
    return Context(elbo(MODEL), {"test": ArraySource(images)}, data_mesh(), seed=0)


@pytest.fixture(scope="module")
def state(context):
    """A state whose averaged encoder has a variance of zero, so that scores have no noise."""
    optimizer = make_optimizer("adam", learning_rate=1e-3)
    images = {"image": jnp.zeros((1, 8, 8, 1))}
    state = jax.jit(lambda rng: create_train_state(context.objective, optimizer, rng, images))(
        jax.random.key(0)
    )
    log_var = state.ema_params["model"]["encoder"]["log_var"]
    log_var["bias"] = jnp.full_like(log_var["bias"], -40.0)
    log_var["kernel"] = jnp.zeros_like(log_var["kernel"])
    return jax.device_put(state, replicated(context.mesh))


def test_scores_do_not_depend_on_the_batch_size(context, state):
    scores = [dict(bound(context, batch_size=size)(state)) for size in (8, 16, 64)]
    assert {score["num_examples"] for score in scores} == {21}
    for score in scores[1:]:
        np.testing.assert_allclose(score["elbo"], scores[0]["elbo"], rtol=1e-5)
        np.testing.assert_allclose(score["kl_dims/0"], scores[0]["kl_dims/0"], rtol=1e-5)


def test_noise_does_not_depend_on_the_batch_size(context, state):
    """Though the codes are drawn, an image's draw is its own: that of its place in the data."""
    noisy = jax.tree.map(jnp.copy, state.ema_params)
    noisy["model"]["encoder"]["log_var"]["bias"] = jnp.zeros(2)
    drawn = state._replace(ema_params=noisy)
    scores = [dict(bound(context, batch_size=size)(drawn)) for size in (8, 16, 64)]
    assert scores[0]["log_px"] != dict(bound(context, batch_size=8)(state))["log_px"]
    for score in scores[1:]:
        assert score.keys() == scores[0].keys()
        for name in ("elbo", "log_px", "elbo_low"):
            np.testing.assert_allclose(score[name], scores[0][name], rtol=1e-6)
    source = context.splits["test"]
    keys = example_keys(named(stream(context.seed, "eval"), "noise"), np.arange(21))
    output = MODEL.apply(
        {"params": noisy["model"]}, source.batch(np.arange(21)), noise=MODEL.noise(keys)
    )
    np.testing.assert_allclose(scores[0]["log_px"], output.log_px.mean(), rtol=1e-5)


def test_units_are_those_of_the_objective(context):
    own = context._replace(objective=context.objective._replace(units=(("elbo", "bananas"),)))
    assert units_of(bound(own, batch_size=8)) == {"elbo": "bananas"}


def output_of(context, state):
    """Of the posterior means, for all images at once."""
    noise = {"latent": (jnp.zeros((21, 2)),)}
    batch = context.splits["test"].batch(np.arange(21))
    return MODEL.apply({"params": state.ema_params["model"]}, batch, noise=noise)


def test_score_is_the_mean_over_the_images(context, state):
    output = output_of(context, state)
    scores = dict(bound(context, batch_size=8)(state))
    np.testing.assert_allclose(scores["log_px"], output.log_px.mean(), rtol=1e-5)


def test_intervals_are_those_of_the_mean_over_the_images(context, state):
    output = output_of(context, state)
    kl = output.latents[0].kl
    each = {"log_px": output.log_px, "kl": kl, "elbo": output.log_px - kl}
    each["elbo_bpd"] = -each["elbo"] / (64 * np.log(2))
    evaluate = bound(context, batch_size=8)
    scores, units = dict(evaluate(state)), units_of(evaluate)
    for name, values in each.items():
        ends = scipy.stats.t.interval(0.95, 20, np.mean(values), scipy.stats.sem(values))
        np.testing.assert_allclose([scores[f"{name}_low"], scores[f"{name}_high"]], ends, rtol=1e-4)
        in_bits = name.endswith("_bpd")
        assert unit(f"{name}_low", units) == ("bits/dim" if in_bits else "nats/image")
    names = list(scores)
    assert names[names.index("elbo") + 1 :][:2] == ["elbo_low", "elbo_high"]
    assert "per_example" not in scores and "loss_low" not in scores


def test_of_one_image_there_is_no_interval(context, state):
    scores = dict(bound(context, batch_size=8, num_examples=1)(state))
    assert np.isfinite(scores["elbo"])
    assert np.isnan([scores["elbo_low"], scores["elbo_high"]]).all()


def test_an_objective_that_knows_means_only_has_no_interval(context, state):
    def loss(*args):
        total, (metrics, model_state) = context.objective.loss(*args)
        return total, ({"elbo": metrics["elbo"]}, model_state)

    own = context._replace(objective=context.objective._replace(loss=loss))
    assert set(dict(bound(own, batch_size=8)(state))) == {"elbo", "num_examples"}


def test_some_examples_are_the_same_every_time_and_distinct(context):
    source = context.splits["test"]
    some = some_examples(source, 8)
    assert len(some) == 8
    assert len(set(some.indices)) == 8
    np.testing.assert_array_equal(some.indices, some_examples(source, 8).indices)
    assert len(some_examples(source, 1000)) == 21


def test_mistakes_are_told(context):
    with pytest.raises(ValueError, match="split: expected one of .'test'., got 'tset'"):
        pick_split(context.splits, "tset")
    with pytest.raises(ValueError, match="batch_size: expected a positive multiple of 8"):
        bound(context, batch_size=12)
    with pytest.raises(ValueError, match="num_examples: expected at least 1"):
        bound(context, num_examples=0)
