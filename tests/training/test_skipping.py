"""Steps that are not finite or explode leave no trace, and none are skipped for ever."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vaejax import (
    create_train_state,
    jit_step,
    make_optimizer,
    make_train_step,
    pmap_step,
    sharded_step,
)
from vaejax.core.mesh import data_mesh, mean_over_shards
from vaejax.training.skipping import Guard, judge
from vaejax.types import Objective

OPTIMIZER = make_optimizer("adam", learning_rate=0.1, clip_norm=1.0)
RNG = jax.random.key(1)
FACTOR = 10.0


def init(rng, batch):
    del rng, batch
    return {"model": {"w": jnp.ones(3)}}, {"batch_stats": {"mean": jnp.zeros(3)}}


def loss(params, model_state, batch, rng, step, train):
    """mean_b w x_b, whose gradient is the mean of x, and a state that follows that mean."""
    del rng, step, train
    value = mean_over_shards((batch["image"] @ params["model"]["w"]).mean())
    mean = mean_over_shards(batch["image"].mean(0))
    moved = 0.9 * model_state["batch_stats"]["mean"] + 0.1 * mean
    return value, ({"value": value}, {"batch_stats": {"mean": moved}})


OBJECTIVE = Objective(init, loss)
STEP = make_train_step(OBJECTIVE, OPTIMIZER, skip_factor=FACTOR)


def batch_of(norm):
    """Sixteen examples whose gradient has this norm."""
    return {"image": jnp.full((16, 3), norm / np.sqrt(3.0), jnp.float32)}


def new_state():
    return create_train_state(OBJECTIVE, OPTIMIZER, RNG, batch_of(1.0))


def run(step, norms, state=None):
    """The states after each of some steps, and their metrics."""
    state, states, metrics = new_state() if state is None else state, [], []
    for norm in norms:
        state, values = step(state, batch_of(norm), RNG)
        states.append(jax.device_get(state))
        metrics.append(jax.device_get(values))
    return states, metrics


@pytest.fixture(scope="module")
def wrapped():
    return {
        "jit": jit_step(STEP, donate=False),
        "sharded": sharded_step(STEP, data_mesh(), donate=False),
        "pmap": pmap_step(STEP),
    }


def same_bytes(a, b):
    pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return all(np.asarray(x).tobytes() == np.asarray(y).tobytes() for x, y in pairs)


@pytest.mark.parametrize("mode", ["jit", "sharded", "pmap"])
@pytest.mark.parametrize("norm", [np.nan, np.inf, 1e30, 100.0])
def test_a_skipped_step_moves_the_step_and_the_guard_alone(wrapped, mode, norm):
    states, metrics = run(wrapped[mode], [1.0, 2.0, norm, 2.0])
    _, before, after, resumed = states
    assert same_bytes(after._replace(step=before.step, guard=before.guard), before)
    assert [int(state.step) for state in states] == [1, 2, 3, 4]
    assert [int(m["skipped_steps"]) for m in metrics] == [0, 0, 1, 1]
    assert [int(state.guard.num_in_a_row) for state in states] == [0, 0, 1, 0]
    assert not same_bytes(resumed.params, before.params)
    assert np.isfinite(resumed.params["model"]["w"]).all()


@pytest.mark.parametrize("mode", ["sharded", "pmap"])
def test_every_wrapper_skips_the_same_steps(wrapped, mode):
    norms = [0.0, 1.0, 3.0, np.nan, 1e3, 1.0, 50.0, np.inf, 0.5]
    (expected, _), (actual, _) = run(wrapped["jit"], norms), run(wrapped[mode], norms)
    for a, b in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)
    assert [int(state.guard.num_skipped) for state in actual] == [0, 0, 0, 1, 2, 2, 3, 4, 4]


@pytest.mark.parametrize("jump", [20.0, 1e3, 1e4])
def test_gradients_that_have_grown_for_good_are_taken_soon(wrapped, jump):
    """After log(jump / factor) / log(1 + 0.01 (factor - 1)) skips, rounded up."""
    bound = int(np.ceil(np.log(jump / FACTOR) / np.log(1.09)))
    states, _ = run(wrapped["jit"], [1.0] * 3 + [jump] * (bound + 20))
    assert int(states[-1].guard.num_skipped) == bound
    assert int(states[-1].guard.num_in_a_row) == 0


def test_norms_that_swing_by_less_than_the_factor_are_never_skipped(wrapped):
    states, _ = run(wrapped["jit"], [1.0, 5.0] * 20)
    assert int(states[-1].guard.num_skipped) == 0
    assert 1.0 < float(states[-1].guard.norm) < 5.0


def test_resumed_run_skips_as_the_unbroken_one(wrapped):
    norms = [1.0, 30.0, 30.0, np.nan, 30.0, 2.0]
    whole, _ = run(wrapped["jit"], norms)
    copy = jax.tree.map(jnp.asarray, whole[2])
    rest, _ = run(wrapped["jit"], norms[3:], copy)
    assert same_bytes(rest[-1], whole[-1])


def test_infinite_factor_skips_only_what_is_not_finite():
    step = jax.jit(make_train_step(OBJECTIVE, OPTIMIZER, skip_factor=np.inf))
    states, _ = run(step, [1.0, 1e12, np.nan, 1.0])
    assert [int(state.guard.num_skipped) for state in states] == [0, 0, 1, 1]


def test_infinite_factor_computes_no_nan():
    with jax.debug_nans(True):
        taken, guard = judge(Guard(), jnp.asarray(1.0), jnp.asarray(2.0), np.inf)
    assert taken
    assert float(guard.norm) == 2.0


def test_without_a_factor_every_step_is_taken():
    states, metrics = run(jax.jit(make_train_step(OBJECTIVE, OPTIMIZER)), [1.0, np.nan])
    assert "skipped_steps" not in metrics[-1]
    assert np.isnan(states[-1].params["model"]["w"]).all()


def test_a_diverging_model_does_not_disturb_its_neighbour(wrapped):
    """Two models in one program, one of which sees a batch that is not finite."""
    states = jax.tree.map(lambda *leaves: jnp.stack(leaves), new_state(), new_state())
    batches = jnp.stack([batch_of(1.0)["image"], batch_of(np.nan)["image"]])
    step = jax.jit(jax.vmap(lambda state, image: STEP(state, {"image": image}, RNG)[0]))
    states = step(states, batches)
    (alone, *_), _ = run(wrapped["jit"], [1.0])
    first, second = (jax.tree.map(lambda leaf, i=i: leaf[i], states) for i in range(2))
    np.testing.assert_allclose(first.params["model"]["w"], alone.params["model"]["w"], rtol=1e-6)
    np.testing.assert_array_equal(second.params["model"]["w"], np.ones(3))


def test_a_loss_that_is_not_finite_is_enough():
    taken, guard = judge(Guard(), jnp.asarray(jnp.nan), jnp.asarray(1.0), FACTOR)
    assert not taken
    assert float(guard.norm) == 0.0
    assert (int(guard.num_skipped), int(guard.num_in_a_row)) == (1, 1)


def test_factor_that_would_skip_every_step_is_refused():
    with pytest.raises(ValueError, match="skip_factor: expected a number > 1"):
        make_train_step(OBJECTIVE, OPTIMIZER, skip_factor=1.0)
