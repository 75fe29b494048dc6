"""Re-estimated batch statistics follow from the samples alone, and survive in a file."""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.leaves.normalised import NormalisedVAE
from vaejax.models import ConvVAE
from vaejax.nn.batch_norm import MOMENTUM, BatchNorm
from vaejax.nn.noise import draw_each, example_keys
from vaejax.objectives.views import views_of
from vaejax.runs.batch_statistics import load_batch_stats, reestimate, save_batch_stats
from vaejax.types import Views


class Shifted(nn.Module):
    """Features 3 + t * noise, [B, 2, 2, 1], normalised."""

    @nn.nowrap
    def noise(self, keys):
        return {"latent": (draw_each(jax.random.normal, keys, (2, 2, 1)),)}

    @nn.compact
    def from_noise(self, noise, temperature=1.0, draw=False, train=False):
        return BatchNorm(name="norm")(3.0 + temperature * noise["latent"][0], train)


PARAMS = {"model": {"norm": {"scale": jnp.ones(1), "bias": jnp.zeros(1)}}}
STATE = {
    "batch_stats": {"norm": {"mean": jnp.zeros(1), "var": jnp.ones(1)}},
    "other": {"kept": jnp.arange(3.0)},
}
VIEWS = views_of(Shifted())


def test_statistics_move_towards_those_of_every_batch(rng):
    estimate = jax.jit(partial(reestimate, VIEWS, num_batches=4, batch_size=8, temperature=0.5))
    state = estimate(PARAMS, STATE, rng)
    mean, var = 0.0, 1.0
    for number in range(4):
        keys = example_keys(jax.random.fold_in(rng, number), jnp.arange(8))
        batch = 3.0 + 0.5 * np.asarray(VIEWS.noise(keys)[0], np.float64)
        mean += MOMENTUM * (batch.mean() - mean)
        var += MOMENTUM * (batch.var(ddof=1) - var)
    actual = state["batch_stats"]["norm"]
    np.testing.assert_allclose([actual["mean"][0], actual["var"][0]], [mean, var], rtol=1e-5)
    np.testing.assert_array_equal(state["other"]["kept"], STATE["other"]["kept"])


def test_many_draws_give_the_statistics_of_the_temperature(rng):
    estimate = jax.jit(partial(reestimate, VIEWS, batch_size=64, temperature=0.5))
    actual = estimate(PARAMS, STATE, rng)["batch_stats"]["norm"]
    np.testing.assert_allclose(actual["mean"], 3.0, atol=0.02)  # 0.5 / sqrt(64 * 4 * 39 batches)
    np.testing.assert_allclose(actual["var"], 0.25, rtol=0.1)


def test_all_players_take_part(rng):
    """A game whose generator has another name, as its own objective says."""

    def adapt(params, model_state, noise, temperature=1.0):
        samples = params["generator"] + temperature * noise[0].mean(0)
        mean = model_state["batch_stats"]["mean"]
        return {**model_state, "batch_stats": {"mean": mean + 0.5 * (samples - mean)}}

    views = Views(noise=lambda keys: (jnp.ones((len(keys), 1)),), adapt=adapt)
    params, state = {"generator": jnp.full(1, 3.0)}, {"batch_stats": {"mean": jnp.zeros(1)}}
    found = reestimate(views, params, state, rng, num_batches=2, temperature=5.0)
    np.testing.assert_allclose(found["batch_stats"]["mean"], 0.75 * 8.0)


def test_a_model_that_draws_on_its_codes_alone_moves_what_it_draws_with(rng):
    """Of a VAE from outside: its statistics change, at another temperature otherwise."""
    model = NormalisedVAE((8, 8, 1))
    views = views_of(model)
    batch = {"image": jnp.zeros((2, 8, 8, 1))}
    variables = dict(model.init(rng, batch, noise=model.noise(jax.random.split(rng, 2))))
    params, state = {"model": variables.pop("params")}, variables
    estimate = jax.jit(partial(reestimate, views, num_batches=3))
    warm, cold = (estimate(params, state, rng, temperature=t) for t in (1.0, 0.1))
    for one, other in ((warm, state), (cold, state), (warm, cold)):
        one, other = (np.asarray(s["batch_stats"]["norm"]["var"]) for s in (one, other))
        assert not np.allclose(one, other)


def test_what_has_no_statistics_is_refused(rng):
    with pytest.raises(ValueError, match="reestimate: expected a model with batch statistics, got"):
        reestimate(VIEWS, PARAMS, {}, rng)
    plain = views_of(ConvVAE((8, 8, 1), 2, "burda"))._replace(adapt=None)
    with pytest.raises(ValueError, match="reestimate: expected an objective with the view 'adapt'"):
        reestimate(plain, PARAMS, STATE, rng)


def test_a_file_gives_them_back_for_the_same_parameters_alone(tmp_path):
    path, stats = tmp_path / "stats.npz", STATE["batch_stats"]
    assert load_batch_stats(path, PARAMS) is None
    save_batch_stats(path, stats, PARAMS)
    assert [file.name for file in tmp_path.iterdir()] == ["stats.npz"]
    kept = load_batch_stats(path, PARAMS)
    assert jax.tree.structure(kept) == jax.tree.structure(stats)
    jax.tree.map(np.testing.assert_array_equal, kept, stats)
    assert load_batch_stats(path, jax.tree.map(lambda x: x + 1.0, PARAMS)) is None


def test_a_flipped_bit_is_noticed(tmp_path):
    path = tmp_path / "stats.npz"
    save_batch_stats(path, {"norm": {"mean": np.full(1000, 0.5, np.float32)}}, PARAMS)
    content = bytearray(path.read_bytes())
    place = content.find(np.full(4, 0.5, np.float32).tobytes()) + 100
    content[place] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="stats.npz is damaged: .*CRC"):
        load_batch_stats(path, PARAMS)
