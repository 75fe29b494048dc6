"""How a step runs: on one device, on a sharded mesh, under `pmap`; with the same numbers."""

from collections.abc import Callable
from typing import Any

import jax
from jax.sharding import Mesh

from vaejax.core.mesh import DATA_AXIS, batch_sharding, check_batch_size, data_mesh, replicated
from vaejax.training.state import TrainState
from vaejax.types import Array, Batch


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
    and returns what the plain step does, and compiles once. ValueError for a batch that the devices
    cannot share evenly.
    """
    devices = jax.local_devices()[:num_devices]
    mapped = jax.pmap(
        step, axis_name=DATA_AXIS, in_axes=(None, 0, None), out_axes=None, devices=devices
    )
    everywhere = replicated(data_mesh(devices))

    def split(array: Array) -> Array:  # [B, ...] -> [devices, B / devices, ...]
        return array.reshape(len(devices), -1, *array.shape[1:])

    def run(state: TrainState, batch: Batch, rng: Array):
        check_batch_size(len(devices), len(batch["image"]))
        # A no-op but for the first state: one that lies elsewhere would compile the step twice.
        state = jax.device_put(state, everywhere)
        return mapped(state, jax.tree.map(split, batch), rng)

    return run
