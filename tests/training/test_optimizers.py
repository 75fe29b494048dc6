"""Optimisers by name."""

import jax.numpy as jnp
import numpy as np
import optax
import pytest

from tests.precision import enable_x64
from vaejax.training.optimizers import OPTIMIZERS, make_optimizer


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


def test_official_adamax(vectors):
    """Coupled weight decay and a large epsilon, as NVAE trains; four steps."""
    with np.load(vectors("nvae_ref.npz")) as file:
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
        (
            {"name": "adam", "learning_rate": np.inf},
            "learning_rate: expected a number > 0 or a sch",
        ),
        ({"name": "adam", "learning_rate": np.nan}, "learning_rate: expected .* got nan"),
        ({"name": "adam", "learning_rate": "1e-3"}, "learning_rate: expected .* got '1e-3'"),
        ({"name": "adam", "learning_rate": True}, "learning_rate: expected .* got True"),
        ({"name": "adam", "learning_rate": lambda t: -1.0}, "learning_rate: .* at step 0 too, got"),
        (
            {"name": "adam", "learning_rate": lambda t: 1 - t},
            "learning_rate: .* at step 1000000000",
        ),
        ({"name": "adam", "learning_rate": lambda t: np.nan}, "learning_rate: expected .* got nan"),
        ({"name": "adam", "learning_rate": 1.0, "clip_norm": np.inf}, "clip_norm: expected"),
        ({"name": "adam", "learning_rate": 1.0, "l2": np.nan}, "l2: expected a number >= 0"),
        ({"name": "adam", "learning_rate": 1.0, "b1": 1.0}, r"b1: expected a number in \[0, 1\)"),
        ({"name": "adam", "learning_rate": 1.0, "b2": "0.9"}, "b2: expected .* got '0.9'"),
        ({"name": "adam", "learning_rate": 1.0, "eps": -1e-8}, "eps: expected a number >= 0"),
        ({"name": "adam", "learning_rate": 1.0, "nesterov": 1}, "nesterov: expected True or False"),
        ({"name": "adam", "learning_rate": 1.0, "mu_dtype": "f33"}, "mu_dtype: expected the name"),
        ({"name": "adamw", "learning_rate": 1.0, "mask": "all"}, "mask: expected a tree"),
        ({"name": "adamw", "learning_rate": 1.0, "weight_decay": np.inf}, "weight_decay: expected"),
        ({"name": "sgd", "learning_rate": 1.0, "momentum": 1.5}, "momentum: expected a number in"),
        ({"name": "rmsprop", "learning_rate": 1.0, "decay": -0.1}, "decay: expected a number in"),
        ({"name": 3, "learning_rate": 1.0}, "name: expected one of"),
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
        ({"discriminator": {"name": "adam"}}, "players.discriminator.learning_rate: expected a va"),
        ({"discriminator": {"learning_rate": 1.0}}, "players.discriminator.name: expected a value"),
        (
            {"discriminator": {"name": "adam", "learning_rate": {"name": "warm_up"}}},
            "players.discriminator.learning_rate: expected a number > 0 or a schedule, got {",
        ),
        (
            {"model": {"name": "sgd", "learning_rate": 1.0, "players": {"model": {}}}},
            "players.model.players: expected none",
        ),
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
