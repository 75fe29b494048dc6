"""Optimisers by name."""

import jax.numpy as jnp
import numpy as np
import optax
import pytest

from tests.precision import enable_x64
from vaejax.optimizers import OPTIMIZERS, make_optimizer


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimiser_descends_a_parabola(name):
    optimizer = make_optimizer(name, learning_rate=0.1)
    params = jnp.array([1.0, -2.0])
    state = optimizer.init(params)
    for _ in range(50):
        updates, state = optimizer.update(2 * params, state, params)
        params = optax.apply_updates(params, updates)
    assert float(jnp.sum(params**2)) < 2.5


def test_clipping_comes_before_the_optimiser():
    optimizer = make_optimizer("sgd", learning_rate=1.0, clip_norm=1.0)
    updates, _ = optimizer.update(jnp.array([3.0, 4.0]), optimizer.init(jnp.zeros(2)))
    np.testing.assert_allclose(updates, [-0.6, -0.8], rtol=1e-6)


def test_official_adamax(shared):
    """Coupled weight decay and a large epsilon, as NVAE trains; four steps."""
    with np.load(shared / "reference" / "vectors" / "nvae_ref.npz") as file:
        arrays = {name.removeprefix("adamax/"): file[name] for name in file.files}
    rate, b1, b2, eps, l2 = map(float, arrays["hyper_lr_b1_b2_eps_wd"])
    optimizer = make_optimizer("adamax", learning_rate=rate, b1=b1, b2=b2, eps=eps, l2=l2)
    with enable_x64(True):
        params = jnp.asarray(arrays["p0"])
        state = optimizer.init(params)
        for grads, expected in zip(arrays["grads"], arrays["fast"], strict=True):
            updates, state = optimizer.update(jnp.asarray(grads), state, params)
            params = optax.apply_updates(params, updates)
            np.testing.assert_allclose(params, expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"name": "adm", "learning_rate": 1.0}, "name: expected one of .* did you mean 'adam'"),
        ({"name": "adam", "learning_rate": 0.0}, "learning_rate: expected a number > 0"),
        ({"name": "adam", "learning_rate": 1.0, "clip_norm": -1.0}, "clip_norm: expected"),
        ({"name": "adam", "learning_rate": 1.0, "l2": -1.0}, "l2: expected a number >= 0"),
        ({"name": "adam", "learning_rate": 1.0, "bta1": 0.5}, "bta1: unknown.* 'b1'"),
    ],
)
def test_impossible_settings_are_refused(kwargs, message):
    with pytest.raises(ValueError, match=message):
        make_optimizer(**kwargs)


def test_players_have_optimisers_of_their_own():
    discriminator = {"name": "sgd", "learning_rate": 0.1}
    players = {"discriminator": discriminator}
    optimizer = make_optimizer("sgd", learning_rate=1.0, clip_norm=1.0, players=players)
    gradients = {"model": {"w": jnp.array([3.0, 4.0])}, "discriminator": {"w": jnp.array([10.0])}}
    updates, _ = optimizer.update(gradients, optimizer.init(gradients), gradients)
    np.testing.assert_allclose(updates["model"]["w"], [-0.6, -0.8], rtol=1e-6)
    np.testing.assert_allclose(updates["discriminator"]["w"], [-1.0], rtol=1e-6)


@pytest.mark.parametrize(
    ("players", "message"),
    [
        ({"discriminator": {"name": "adm", "learning_rate": 1.0}}, "players.discriminator.name: "),
        ({"discriminator": {"name": "adam"}}, "players.discriminator.*learning_rate"),
        (
            {"critic": {"name": "adam", "learning_rate": 1.0}},
            "players: expected some of .*'critic'",
        ),
    ],
)
def test_impossible_players_are_refused(players, message):
    params = {"model": jnp.zeros(1), "discriminator": jnp.zeros(1)}
    with pytest.raises(ValueError, match=message):
        make_optimizer("adam", learning_rate=1.0, players=players).init(params)
