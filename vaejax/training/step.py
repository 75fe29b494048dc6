"""The one training step and the one evaluation step, and how they run on devices.

`make_train_step` is pure and takes its collaborators as arguments; it trains every objective.
`jit_step`, `sharded_step` and `pmap_step` wrap the same function, and give the same numbers;
`make_sweep_step` maps it over many models at once.
"""

from collections.abc import Callable
from typing import Any, Literal

import jax
import jax.numpy as jnp
import optax
from jax.sharding import Mesh, PartitionSpec

from vaejax.core.checks import check_number
from vaejax.core.mesh import (
    DATA_AXIS,
    MODELS_AXIS,
    batch_sharding,
    data_axis,
    data_mesh,
    mean_over_shards,
    refuse_checked_shard_map,
    replicated,
    sum_over_shards,
    with_positions,
)
from vaejax.core.platform import is_native
from vaejax.training.microbatches import accumulated
from vaejax.training.skipping import judge
from vaejax.training.state import TrainState
from vaejax.types import Array, Batch, Metrics, Objective

TrainStep = Callable[[TrainState, Batch, Array], tuple[TrainState, Metrics]]
EvalStep = Callable[[TrainState, Batch, Array], Metrics]
SweepStep = Callable[..., tuple[TrainState, Metrics]]


def make_train_step(
    objective: Objective,
    optimizer: optax.GradientTransformation,
    *,
    ema_decay: float = 0.999,
    num_microbatches: int = 1,
    skip_factor: float | None = None,
    axis_name: str = DATA_AXIS,
) -> TrainStep:
    """A pure function `(state, batch, rng) -> (state, metrics)`.

    `rng` is one constant key for the whole run; the step number is folded in here. The moving
    average warms up, decay_t = min(ema_decay, (1 + t) / (10 + t)), so that it forgets the random
    start of a short run.

    Args:
        objective: what to minimise.
        optimizer: an optax transformation of the gradients of all players.
        ema_decay: decay of the parameters' moving average, in [0, 1).
        num_microbatches: equal parts of a batch that are computed one after the other, for less
            memory; see `vaejax.training.microbatches` for what stays equal.
        skip_factor: a step that is not finite, or whose gradient norm is more than this many times
            the running norm, leaves everything but `step` and `guard` as it was, see
            `vaejax.training.skipping`; None takes every step.
        axis_name: of the batch axis, where the step is wrapped in a `pmap` (or `shard_map` with
            `check_vma=False`) of one's own; `pmap_step` uses the default.

    Returns:
        The step. Its metrics are the objective's, `loss`, `grad_norm` and, with a `skip_factor`,
        `skipped_steps`, the number of them so far.
    """
    check_number("ema_decay", ema_decay, lambda x: 0 <= x < 1, "a number in [0, 1)")
    if num_microbatches < 1:
        raise ValueError(f"num_microbatches: expected at least 1, got {num_microbatches}")
    if skip_factor is not None:
        expected = "a number > 1 or None"
        check_number("skip_factor", skip_factor, lambda x: x > 1, expected, finite=False)
    loss_and_gradient = jax.value_and_grad(objective.loss, has_aux=True)

    def train_step(state: TrainState, batch: Batch, rng: Array) -> tuple[TrainState, Metrics]:
        key = jax.random.fold_in(rng, state.step)

        def gradient(params, model_state, batch):
            (loss, (metrics, model_state)), grads = loss_and_gradient(
                params, model_state, batch, key, state.step, True
            )
            return grads, ({"loss": loss, **metrics}, model_state)

        with data_axis(axis_name):
            refuse_checked_shard_map(batch)
            batch = with_positions(batch)
            grads, (metrics, model_state) = accumulated(gradient, num_microbatches)(
                state.params, state.model_state, batch
            )
            grads, metrics = mean_over_shards((grads, metrics))
        metrics["grad_norm"] = optax.tree.norm(grads)

        def update(state: TrainState) -> TrainState:
            updates, opt_state = optimizer.update(grads, state.opt_state, state.params)
            params = optax.apply_updates(state.params, updates)
            decay = jnp.minimum(ema_decay, (1.0 + state.step) / (10.0 + state.step))
            return state._replace(
                params=params,
                ema_params=optax.incremental_update(params, state.ema_params, 1.0 - decay),
                model_state=model_state,
                opt_state=opt_state,
            )

        if skip_factor is None:
            state = update(state)
        else:
            taken, guard = judge(state.guard, metrics["loss"], metrics["grad_norm"], skip_factor)
            # On CPU a branch is as fast as no choice at all; selecting every leaf costs up to 3 %.
            state = jax.lax.cond(taken, update, lambda state: state, state)._replace(guard=guard)
            metrics["skipped_steps"] = guard.num_skipped
        return state._replace(step=state.step + 1), metrics

    return train_step


def make_eval_step(objective: Objective, *, axis_name: str = DATA_AXIS) -> EvalStep:
    """A pure function `(state, batch, rng) -> metrics` of the averaged parameters.

    With the same `rng` for all batches of an evaluation and an `index` in them, an example's noise
    is the same in every batch. The metrics are means over the examples that `batch["mask"]` counts,
    and `num_examples`, their number, so that batches can be combined into an exact mean over a data
    set; and where the objective knows them, `vaejax.types.PER_EXAMPLE`, the values of the examples.
    `axis_name` is that of `make_train_step`.
    """

    def eval_step(state: TrainState, batch: Batch, rng: Array) -> Metrics:
        mask = batch.get("mask", jnp.ones(batch["image"].shape[0]))
        with data_axis(axis_name):
            batch = {**with_positions(batch), "mask": mask}
            _, (metrics, _) = objective.loss(
                state.ema_params, state.model_state, batch, rng, state.step, False
            )
            return {**metrics, "num_examples": sum_over_shards(mask.sum())}

    return eval_step


def jit_step(step: Callable[..., Any], *, donate: bool = True) -> Callable[..., Any]:
    """Compile a step for one device.

    Args:
        step: a train or eval step.
        donate: reuse the old state's memory for the new one; False for an eval step.
    """
    return jax.jit(step, donate_argnums=(0,) if donate else ())


def sharded_step(
    step: Callable[..., Any], mesh: Mesh, *, donate: bool = True
) -> Callable[..., Any]:
    """Compile a step for the devices of `mesh`: batch split, state and key on every device.

    Place the first state with `jax.device_put(state, vaejax.core.mesh.replicated(mesh))`: one that
    lies elsewhere would be moved, but the second step would compile again for where it then is.

    Args:
        step: a train or eval step.
        mesh: devices along the data axis, as `vaejax.core.mesh.data_mesh` makes it.
        donate: reuse the old state's memory for the new one; False for an eval step.
    """
    whole, split = replicated(mesh), batch_sharding(mesh)
    return jax.jit(
        step,
        in_shardings=(whole, split, whole),
        out_shardings=whole,
        donate_argnums=(0,) if donate else (),
    )


def pmap_step(step: Callable[..., Any], num_devices: int | None = None) -> Callable[..., Any]:
    """Run a step under `pmap`, one shard of the batch per device; called as the others are.

    State, key and results are not stacked per device (axes None), so the wrapped function takes
    and returns what the plain step does, and compiles once.
    """
    devices = jax.local_devices()[:num_devices]
    mapped = jax.pmap(
        step, axis_name=DATA_AXIS, in_axes=(None, 0, None), out_axes=None, devices=devices
    )
    everywhere = replicated(data_mesh(devices))

    def split(array: Array) -> Array:  # [B, ...] -> [devices, B / devices, ...]
        return array.reshape(len(devices), -1, *array.shape[1:])

    def run(state: TrainState, batch: Batch, rng: Array):
        # A no-op but for the first state: one that lies elsewhere would compile the step twice.
        state = jax.device_put(state, everywhere)
        return mapped(state, jax.tree.map(split, batch), rng)

    return run


def make_sweep_step(
    step: TrainStep,
    batch_of: Callable[[Any, Array, Array], Batch],
    *,
    how: Literal["vmap", "map"] = "vmap",
) -> SweepStep:
    """Several training steps of several models in one call, over data that lie on the device.

    A pure function `(states, rngs, indices, records, num_steps) -> (states, metrics)` of
        states: the models' train states stacked, every leaf [M, ...];
        rngs: `{"train": [M], "data": [M]}`, each model's constant keys of the step and of the data;
        indices: [M, K, B], which examples each model sees in each of at most K steps;
        records: what `batch_of` gathers them from, shared by all models;
        num_steps: how many of the K steps to take; a number that does not compile anew.
    The metrics are those of the last step, every leaf [M, ...].

    What differs between the models besides their random numbers must lie in their states.

    Args:
        step: of one model, as `make_train_step` makes it.
        batch_of: `(records, indices [B], rng) -> batch`; `rng` has the step folded in.
        how: "vmap" trains the models side by side, each operation batched over them; "map" takes
            them in turn within the call. On CPU, where one operation on many models is no faster
            than many on one, and rounds otherwise, both take them in turn.
    """
    if how not in ("vmap", "map"):
        raise ValueError(f"how: expected 'vmap' or 'map', got {how!r}")

    @jax.jit  # so that it is traced once, for its shapes and for the loop
    def step_of_one(state, rngs, indices, records):
        rng = jax.random.fold_in(rngs["data"], state.step)
        return step(state, batch_of(records, indices, rng), rngs["train"])

    def steps_of_one(state, rngs, indices, records, num_steps):
        """As the sweep step, of one model: no leaf has the axis M."""

        def take(i, carried):
            return step_of_one(carried[0], rngs, indices[i], records)

        shapes = jax.eval_shape(step_of_one, state, rngs, indices[0], records)[1]
        metrics = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
        return jax.lax.fori_loop(0, num_steps, take, (state, metrics))

    def sweep_step(states, rngs, indices, records, num_steps):
        if how == "vmap" and is_native():
            over_models = jax.vmap(steps_of_one, in_axes=(0, 0, 0, None, None))
            return over_models(states, rngs, indices, records, num_steps)
        return jax.lax.map(
            lambda model: steps_of_one(*model, records, num_steps), (states, rngs, indices)
        )

    return sweep_step


def over_devices(step: SweepStep, mesh: Mesh) -> SweepStep:
    """Compile a sweep step for the devices of `mesh`, each with its share of the models.

    Args:
        step: as `make_sweep_step` makes it.
        mesh: as `vaejax.core.mesh.models_mesh` makes it; its size must divide the number of models.
    """
    split, whole = PartitionSpec(MODELS_AXIS), PartitionSpec()
    mapped = jax.shard_map(
        step,
        mesh=mesh,
        in_specs=(split, split, split, whole, whole),
        out_specs=split,
        check_vma=False,  # models are independent: nothing crosses devices
    )
    return jax.jit(mapped, donate_argnums=0)
