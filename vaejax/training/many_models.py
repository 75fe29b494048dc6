"""The training step mapped over many models at once."""

from collections.abc import Callable
from typing import Any, Literal

import jax
import jax.numpy as jnp
from jax.sharding import Mesh, PartitionSpec

from vaejax.core.mesh import MODELS_AXIS
from vaejax.core.platform import is_native
from vaejax.training.state import TrainState
from vaejax.training.step import TrainStep
from vaejax.types import Array, Batch, Metrics

SweepStep = Callable[..., tuple[TrainState, Metrics]]


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
        num_steps: how many of the K steps to take; a number that does not compile again.
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
