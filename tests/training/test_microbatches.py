"""A step in microbatches is the step: equal numbers in every mode, in less memory."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from vaejax import (
    create_train_state,
    jit_step,
    make_optimizer,
    make_train_step,
    pmap_step,
    sharded_step,
)
from vaejax.core.mesh import data_mesh
from vaejax.models import ConvVAE
from vaejax.objectives import elbo
from vaejax.objectives.passes import shared_key
from vaejax.training.microbatches import accumulated

OPTIMIZER = make_optimizer("sgd", learning_rate=1.0)  # the step is the gradient
RNG = jax.random.key(1)
MODEL = ConvVAE((8, 8, 1), 3, "frey")
OBJECTIVE = elbo(MODEL, beta=2.0)


@pytest.fixture(scope="module")
def state(tiny_batch):
    create = jax.jit(lambda rng: create_train_state(OBJECTIVE, OPTIMIZER, rng, tiny_batch))
    return create(jax.random.key(0))


def step_in(num_microbatches):
    return make_train_step(OBJECTIVE, OPTIMIZER, num_microbatches=num_microbatches)


@pytest.fixture(scope="module")
def plain():
    return jax.jit(step_in(1))


def check_same(actual, expected, state):
    """Metrics to 1e-5; gradients to 1e-6 of their norm."""
    (new, metrics), (expected_new, expected_metrics) = actual, expected
    assert set(metrics) == set(expected_metrics)
    for name, value in expected_metrics.items():
        np.testing.assert_allclose(metrics[name], value, rtol=1e-5, atol=1e-6)
    ours, theirs = (
        jax.tree.map(jnp.subtract, state.params, jax.device_get(s.params))
        for s in (new, expected_new)
    )
    error = optax.tree.norm(jax.tree.map(jnp.subtract, ours, theirs))
    assert float(error) < 1e-6 * float(optax.tree.norm(theirs))


@pytest.mark.parametrize(("mode", "count"), [("jit", 4), ("sharded", 2), ("pmap", 2)])
def test_drawn_noise_is_that_of_the_whole_batch(state, plain, tiny_batch, mode, count):
    wrap = {
        "jit": lambda step: jit_step(step, donate=False),
        "sharded": lambda step: sharded_step(step, data_mesh(), donate=False),
        "pmap": pmap_step,
    }[mode]
    actual = wrap(step_in(count))(state, tiny_batch, RNG)
    check_same(actual, plain(state, tiny_batch, RNG), state)


def test_given_noise_and_masks_are_split_with_the_images(state, plain, tiny_batch):
    """11 of 16 examples count: 3, 3, 3 and 2 in the four parts."""
    batch = {
        **tiny_batch,
        "noise": MODEL.noise(jax.random.split(jax.random.key(2), 16)),  # normal, and keys
        "mask": 1.0 * (jnp.arange(16) < 11),
    }
    check_same(jax.jit(step_in(4))(state, batch, RNG), plain(state, batch, RNG), state)


def mean_gradient(params, model_state, batch):
    """Of sum_b w x_b / B, with a state and a draw of its own in every part."""
    x = batch["x"]
    key = shared_key(RNG, "draw", batch)
    metrics = {"seen": x.max(), "draw": jax.random.uniform(key)}
    return {"w": x.mean(0)}, (metrics, {"last": x[-1], "calls": model_state["calls"] + 1})


def test_parts_come_in_order_and_hand_on_the_model_state():
    batch = {"x": jnp.arange(6.0), "position": jnp.arange(6)}
    start = {"last": jnp.zeros(()), "calls": jnp.zeros((), jnp.int32)}
    gradient = accumulated(mean_gradient, 3)
    grads, (metrics, model_state) = gradient({"w": jnp.ones(())}, start, batch)
    assert float(grads["w"]) == pytest.approx(2.5)
    assert float(metrics["seen"]) == pytest.approx((3 + 4 + 5) / 3)  # parts 0 3, 1 4, 2 5
    assert float(model_state["last"]) == 5.0
    assert int(model_state["calls"]) == 3


def test_parts_draw_for_themselves():
    start = {"last": jnp.zeros(()), "calls": jnp.zeros((), jnp.int32)}
    parts = [{"position": jnp.arange(part, 4, 2)} for part in range(2)]
    draws = [jax.random.uniform(shared_key(RNG, "draw", part)) for part in parts]
    gradient = accumulated(mean_gradient, 2)
    batch = {"x": jnp.arange(4.0), "position": jnp.arange(4)}
    _, (metrics, _) = gradient({"w": jnp.ones(())}, start, batch)
    assert float(metrics["draw"]) == pytest.approx(float(sum(draws)) / 2)
    assert abs(draws[0] - draws[1]) > 1e-3


def test_examples_stay_on_their_devices(state, tiny_batch):
    step = sharded_step(step_in(2), data_mesh(), donate=False)
    program = step.lower(state, tiny_batch, RNG).compile().as_text()
    assert "all-reduce" in program
    for moved in ("all-gather", "all-to-all", "collective-permute"):
        assert moved not in program


def images(size):
    return {"image": jax.ShapeDtypeStruct((size, 8, 8, 1), jnp.float32)}


def test_memory_falls_with_the_parts(state):
    temporary = {
        count: jax.jit(step_in(count))
        .lower(state, images(512), RNG)
        .compile()
        .memory_analysis()
        .temp_size_in_bytes
        for count in (1, 8)
    }
    assert temporary[8] < 0.3 * temporary[1]


def test_the_program_does_not_grow_with_the_parts(state):
    few, many = (jax.make_jaxpr(step_in(n))(state, images(8 * n), RNG) for n in (2, 64))
    assert str(few).count(" = ") == str(many).count(" = ")


def test_impossible_numbers_are_refused(state, tiny_batch):
    with pytest.raises(ValueError, match="num_microbatches: expected at least 1, got 0"):
        step_in(0)
    with pytest.raises(ValueError, match="num_microbatches: expected a divisor of the 16 examples"):
        jax.eval_shape(step_in(3), state, tiny_batch, RNG)
