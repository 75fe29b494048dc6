"""The one training step: equal on one device, a sharded mesh and pmap; learns; compiles once."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import AxisType, PartitionSpec

from vaejax import (
    create_train_state,
    jit_step,
    make_eval_step,
    make_optimizer,
    make_sweep_step,
    make_train_step,
    pmap_step,
    sharded_step,
)
from vaejax.core.mesh import data_mesh, models_mesh, models_sharding, replicated
from vaejax.models import ConvVAE
from vaejax.objectives import capacity, elbo
from vaejax.training.many_models import over_devices

OPTIMIZER = make_optimizer("adam", learning_rate=1e-2)
RNG = jax.random.key(1)


@pytest.fixture(scope="module")
def objective():
    return elbo(ConvVAE((8, 8, 1), 3, "frey"), beta=2.0)


@pytest.fixture(scope="module")
def new_state(objective, tiny_batch):
    create = jax.jit(lambda rng: create_train_state(objective, OPTIMIZER, rng, tiny_batch))
    return lambda: create(jax.random.key(0))


def wrappers(step):
    mesh = data_mesh()
    assert mesh.size == 8
    return {"jit": jit_step(step), "sharded": sharded_step(step, mesh), "pmap": pmap_step(step)}


@pytest.fixture(scope="module")
def trajectories(objective, new_state, tiny_batch):
    """Losses, gradient norms and final state of ten steps under each wrapper."""
    results = {}
    for name, step in wrappers(make_train_step(objective, OPTIMIZER)).items():
        state, losses, norms = new_state(), [], []
        for _ in range(10):
            state, metrics = step(state, tiny_batch, RNG)
            losses.append(float(metrics["loss"]))
            norms.append(float(metrics["grad_norm"]))
        results[name] = (losses, norms, state)
    return results


@pytest.mark.parametrize("mode", ["sharded", "pmap"])
def test_losses_and_gradient_norms_do_not_depend_on_the_devices(trajectories, mode):
    """The gradient norm is compared too: Adam hides a gradient that is eight times too large."""
    losses, norms, _ = trajectories["jit"]
    other_losses, other_norms, _ = trajectories[mode]
    np.testing.assert_allclose(other_losses, losses, rtol=1e-5)
    np.testing.assert_allclose(other_norms, norms, rtol=1e-4)
    np.testing.assert_allclose(other_norms[0], norms[0], rtol=1e-5)


@pytest.mark.parametrize("mode", ["sharded", "pmap"])
def test_nonlinear_objectives_and_masks_see_the_global_batch(new_state, tiny_batch, mode):
    """|KL - C| with per-image KLs on both sides of C, over 9 of 16 examples."""
    model = ConvVAE((8, 8, 1), 3, "frey")
    state = new_state()
    heads = state.params["model"]["encoder"]["mean"]
    heads["kernel"] = 30.0 * heads["kernel"]
    batch = {**tiny_batch, "mask": 1.0 * (jnp.arange(16) % 8 < 5) * (jnp.arange(16) < 13)}
    assert float(batch["mask"].sum()) == 10
    plain = jax.jit(make_eval_step(elbo(model)))
    target = float(plain(state._replace(ema_params=state.params), batch, RNG)["kl"])
    objective = capacity(model, gamma=10.0, max_capacity=0.9 * target, num_steps=1)
    step = make_train_step(objective, OPTIMIZER)
    state = state._replace(step=jnp.asarray(5, jnp.int32))
    expected = jax.jit(step)(state, batch, RNG)[1]
    actual = wrappers(step)[mode](state, batch, RNG)[1]
    for name in ("loss", "kl", "grad_norm"):
        np.testing.assert_allclose(actual[name], expected[name], rtol=1e-4)


def own_pmap(step, axis_name):
    mapped = jax.pmap(step, axis_name=axis_name, in_axes=(None, 0, None), out_axes=None)
    return lambda state, batch, rng: mapped(
        state, jax.tree.map(lambda x: x.reshape(8, 2, *x.shape[1:]), batch), rng
    )


def own_shard_map(step, axis_name, **kwargs):
    specs = (PartitionSpec(), PartitionSpec(axis_name), PartitionSpec())
    mesh = jax.make_mesh((8,), (axis_name,), (AxisType.Auto,))
    return jax.jit(
        jax.shard_map(step, mesh=mesh, in_specs=specs, out_specs=PartitionSpec(), **kwargs)
    )


@pytest.mark.parametrize("wrap", [own_pmap, partial(own_shard_map, check_vma=False)])
def test_step_under_an_axis_of_ones_own(objective, new_state, tiny_batch, trajectories, wrap):
    step = make_train_step(objective, OPTIMIZER, axis_name="mine")
    _, metrics = wrap(step, "mine")(new_state(), tiny_batch, RNG)
    losses, norms, _ = trajectories["jit"]
    np.testing.assert_allclose(metrics["loss"], losses[0], rtol=1e-5)
    np.testing.assert_allclose(metrics["grad_norm"], norms[0], rtol=1e-5)


def test_shard_map_that_would_scale_gradients_is_refused(objective, new_state, tiny_batch):
    step = make_train_step(objective, OPTIMIZER, axis_name="mine")
    with pytest.raises(ValueError, match="check_vma: expected .*check_vma=False"):
        own_shard_map(step, "mine")(new_state(), tiny_batch, RNG)


def test_loss_falls(trajectories):
    losses, _, state = trajectories["jit"]
    assert losses[-1] < 0.8 * losses[0]
    assert int(state.step) == 10


@pytest.mark.parametrize("mode", ["jit", "sharded", "pmap"])
def test_later_steps_compile_nothing(objective, new_state, tiny_batch, mode):
    step = wrappers(make_train_step(objective, OPTIMIZER))[mode]
    state = new_state()
    if mode == "sharded":
        state = jax.device_put(state, replicated(data_mesh()))
    state, _ = step(state, tiny_batch, RNG)
    compiled = []
    jax.monitoring.register_event_duration_secs_listener(
        lambda event, *_, **__: compiled.append(event) if "backend_compile" in event else None
    )
    for _ in range(3):
        state, _ = step(state, tiny_batch, RNG)
    assert compiled == []
    jax.jit(lambda x: x * 3 + len(compiled))(jnp.ones(3))  # the listener does hear compilations
    assert compiled


def test_state_is_donated(objective, new_state, tiny_batch):
    state = new_state()
    step = jit_step(make_train_step(objective, OPTIMIZER))
    memory = step.lower(state, tiny_batch, RNG).compile().memory_analysis()
    size = sum(leaf.nbytes for leaf in jax.tree.leaves(state))
    assert memory.alias_size_in_bytes >= size


def test_average_follows_the_parameters(objective, new_state, tiny_batch):
    """decay_0 = 1/10: after one step the average is 0.1 old + 0.9 new; with 0 it is the new."""
    before = new_state()
    for ema_decay, share in [(0.999, 0.9), (0.0, 1.0)]:
        after, _ = jax.jit(make_train_step(objective, OPTIMIZER, ema_decay=ema_decay))(
            before, tiny_batch, RNG
        )
        expected = optax.incremental_update(after.params, before.params, share)
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7),
            after.ema_params,
            expected,
        )


def test_resumed_steps_are_bitwise_those_of_an_unbroken_run(objective, new_state, tiny_batch):
    step = jax.jit(make_train_step(objective, OPTIMIZER))
    state = new_state()
    for _ in range(2):
        state, _ = step(state, tiny_batch, RNG)
    copy = jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf)), state)
    (state, metrics), (copy, copy_metrics) = (step(s, tiny_batch, RNG) for s in (state, copy))
    for a, b in zip(
        jax.tree.leaves((state, metrics)), jax.tree.leaves((copy, copy_metrics)), strict=True
    ):
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()


@pytest.mark.parametrize("mode", ["jit", "sharded", "pmap"])
def test_eval_step_is_a_masked_mean_of_the_averaged_parameters(
    objective, new_state, tiny_batch, mode
):
    """10 of 16 examples: on 8 devices some shards hold two, one or none of them."""
    mask = jnp.arange(16) < 10
    state = new_state()
    state = state._replace(params=jax.tree.map(jnp.zeros_like, state.params))
    eval_step = make_eval_step(objective)
    wrapped = {
        "jit": jit_step(eval_step, donate=False),
        "sharded": sharded_step(eval_step, data_mesh(), donate=False),
        "pmap": pmap_step(eval_step),
    }[mode]
    noise = {"latent": (jnp.zeros((16, 3)),)}
    masked = wrapped(state, {**tiny_batch, "mask": 1.0 * mask, "noise": noise}, RNG)
    alone = jax.jit(eval_step)(
        state,
        {"image": tiny_batch["image"][:10], "noise": {"latent": (jnp.zeros((10, 3)),)}},
        RNG,
    )
    assert float(masked["num_examples"]) == 10
    np.testing.assert_allclose(masked["elbo"], alone["elbo"], rtol=1e-5)
    np.testing.assert_allclose(masked["kl_dims/0"], alone["kl_dims/0"], rtol=1e-4, atol=1e-6)
    every, counted = masked["per_example"], alone["per_example"]
    np.testing.assert_array_equal(every.pop("mask"), mask)
    for name, values in every.items():
        assert values.shape == (16,)
        np.testing.assert_allclose(values[:10], counted[name], rtol=1e-4)
        np.testing.assert_allclose(values[:10].mean(), alone[name], rtol=1e-4)


@pytest.mark.parametrize("mode", ["jit", "sharded", "pmap"])
def test_positions_are_filled_in_where_they_are_missing(objective, new_state, tiny_batch, mode):
    """As a loader gives them: the same step. Other positions are other noise."""
    step = make_train_step(objective, OPTIMIZER)
    wrapped = wrappers(step)[mode]
    given = {**tiny_batch, "position": jnp.arange(16)}
    other = {**tiny_batch, "position": jnp.arange(16)[::-1]}
    without, there, moved = (
        float(wrapped(new_state(), batch, RNG)[1]["loss"]) for batch in (tiny_batch, given, other)
    )
    assert without == pytest.approx(there, rel=1e-6)
    assert moved != pytest.approx(there, rel=1e-6)


@pytest.mark.parametrize("mode", ["jit", "pmap"])
def test_an_examples_evaluation_does_not_depend_on_its_batch(
    objective, new_state, tiny_batch, mode
):
    """Its noise is a function of the key and its index alone."""
    eval_step = make_eval_step(objective)
    wrapped = {"jit": jit_step(eval_step, donate=False), "pmap": pmap_step(eval_step)}[mode]
    batch, order = {**tiny_batch, "index": 3 * jnp.arange(16)}, jnp.arange(16)[::-1]
    values = wrapped(new_state(), batch, RNG)["per_example"]["log_px"]
    turned = jax.tree.map(lambda array: array[order], batch)
    again = wrapped(new_state(), turned, RNG)["per_example"]["log_px"]
    np.testing.assert_allclose(again[order], values, rtol=1e-5)


def test_ema_decay_out_of_range_is_refused(objective):
    with pytest.raises(ValueError, match=r"ema_decay: expected a number in \[0, 1\)"):
        make_train_step(objective, OPTIMIZER, ema_decay=1.0)


@pytest.mark.parametrize("how", ["vmap", "map"])
def test_sweep_step_takes_the_steps_of_every_model(objective, new_state, tiny_batch, how):
    """Three models with keys and images of their own, 5 steps in two calls, on 3 devices."""
    step = make_train_step(objective, OPTIMIZER)
    records = tiny_batch["image"]
    indices = jax.random.randint(jax.random.key(5), (3, 5, 4), 0, len(records))

    def batch_of(records, indices, rng):
        return {"image": records[indices] * jax.random.uniform(rng)}

    mesh = models_mesh(jax.devices()[:3])
    sweep_step = over_devices(make_sweep_step(step, batch_of, how=how), mesh)
    rngs = {
        name: jax.random.split(jax.random.key(i), 3) for i, name in enumerate(("train", "data"))
    }
    states = jax.tree.map(lambda leaf: jnp.stack([leaf] * 3), new_state())
    states, rngs = jax.device_put((states, rngs), models_sharding(mesh))
    for first, count in [(0, 2), (2, 3)]:
        here = jnp.pad(indices[:, first : first + count], ((0, 0), (0, 3 - count), (0, 0)))
        states, metrics = sweep_step(states, rngs, here, records, np.int32(count))
    assert sweep_step._cache_size() == 1
    single = jit_step(step, donate=False)
    for model in range(3):
        state = new_state()
        for i in range(5):
            rng = jax.random.fold_in(rngs["data"][model], i)
            batch = batch_of(records, indices[model, i], rng)
            state, expected = single(state, batch, rngs["train"][model])
        for name, value in expected.items():
            np.testing.assert_allclose(metrics[name][model], value, rtol=1e-4, atol=1e-5)
        assert int(states.step[model]) == 5


def test_sweep_step_is_mapped_in_one_of_two_ways(objective):
    with pytest.raises(ValueError, match="how: expected 'vmap' or 'map', got 'pmap'"):
        make_sweep_step(make_train_step(objective, OPTIMIZER), None, how="pmap")


def test_a_batch_that_devices_cannot_share_is_refused(new_state, tiny_batch):
    batch = {"image": tiny_batch["image"][:12]}
    with pytest.raises(ValueError, match="batch_size: expected a positive multiple of 8 devices"):
        pmap_step(lambda state, batch, rng: state)(new_state(), batch, RNG)
