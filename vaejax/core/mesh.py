"""Where the examples of a batch are: their mesh axis, and what code inside a step may ask of it.

Under `jit` (one device or a sharded mesh) a step sees the global batch and nothing here acts. Under
`pmap`, or `shard_map` with `check_vma=False`, over the data axis a step sees one shard of it;
averages over the batch must then cross devices, and ask this module, so that models and steps are
the same function in every mode. The name of the data axis travels by context: batch normalisation,
deep in a network, needs it, and a flax module has no other way to be told.
The models of a sweep have an axis of their own, along which nothing crosses devices.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from vaejax.core.versions import varying_axes
from vaejax.types import Array, Batch

DATA_AXIS = "data"
MODELS_AXIS = "models"
_axis_name: ContextVar[str] = ContextVar("axis_name", default=DATA_AXIS)


@contextmanager
def data_axis(name: str) -> Iterator[None]:
    """Within this context (while a step is traced) the data axis has another name."""
    token = _axis_name.set(name)
    try:
        yield
    finally:
        _axis_name.reset(token)


def shard_index() -> Array | None:
    """This shard's place on the data axis, or None where the global batch is seen whole."""
    try:
        return jax.lax.axis_index(_axis_name.get())
    except NameError:  # jax's answer for an axis that no pmap or shard_map has bound
        return None


def mean_over_shards(tree: Any) -> Any:
    """The mean of every leaf over the shards of the batch; the tree itself outside of them."""
    return tree if shard_index() is None else jax.lax.pmean(tree, _axis_name.get())


def sum_over_shards(tree: Any) -> Any:
    """The sum of every leaf over the shards of the batch; the tree itself outside of them."""
    return tree if shard_index() is None else jax.lax.psum(tree, _axis_name.get())


def gather_over_shards(tree: Any) -> Any:
    """Rows of every leaf from all shards, in the order of the global batch; else the tree."""
    if shard_index() is None:
        return tree
    return jax.tree.map(lambda x: jax.lax.all_gather(x, _axis_name.get(), tiled=True), tree)


def refuse_checked_shard_map(tree: Any) -> None:
    """Raise under `shard_map(check_vma=True)`.

    There the gradient for a replicated parameter is summed over devices already, and the mean of
    it that pmap needs would be too large by their number, silently.
    """
    for leaf in jax.tree.leaves(tree):
        if _axis_name.get() in varying_axes(leaf):
            raise ValueError("check_vma: expected jax.shard_map(..., check_vma=False), got True")


def with_positions(batch: Batch) -> Batch:
    """The batch with the `position` [B] of its examples in the global batch, if it lacks it."""
    if "position" in batch:
        return batch
    batch_size = len(batch["image"])
    positions = jnp.arange(batch_size)
    if (shard := shard_index()) is not None:
        positions += shard * batch_size
    return {**batch, "position": positions}


def check_batch_size(num_devices: int, batch_size: int) -> None:
    """Raise ValueError unless the devices can share a batch evenly."""
    if batch_size < 1 or batch_size % num_devices:
        raise ValueError(
            f"batch_size: expected a positive multiple of {num_devices} devices, got {batch_size}"
        )


def data_mesh(devices: list[jax.Device] | None = None) -> Mesh:
    """A one-dimensional mesh of all devices (or those given) along the data axis."""
    return _mesh(devices, DATA_AXIS)


def models_mesh(devices: list[jax.Device] | None = None) -> Mesh:
    """A one-dimensional mesh of all devices (or those given) along the axis of a sweep's models."""
    return _mesh(devices, MODELS_AXIS)


def _mesh(devices: list[jax.Device] | None, axis_name: str) -> Mesh:
    devices = jax.devices() if devices is None else devices
    return jax.make_mesh((len(devices),), (axis_name,), (AxisType.Auto,), devices=devices)


def batch_sharding(mesh: Mesh) -> NamedSharding:
    """Arrays split along their first axis over the devices of `mesh`."""
    return NamedSharding(mesh, PartitionSpec(DATA_AXIS))


def models_sharding(mesh: Mesh) -> NamedSharding:
    """Arrays split along their first axis, of models, over the devices of a `models_mesh`."""
    return NamedSharding(mesh, PartitionSpec(MODELS_AXIS))


def replicated(mesh: Mesh) -> NamedSharding:
    """Arrays held whole by every device of `mesh`."""
    return NamedSharding(mesh, PartitionSpec())
