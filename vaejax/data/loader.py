"""Batches: which examples, in what order, made ahead of their use and put on the devices.

The batch of step t is a pure function of (seed, t): there is no iterator state to save. Nor does it
depend on the number of devices or processes; each process fetches and decodes its own rows.
"""

import functools
import itertools
from collections.abc import Callable

import jax
import numpy as np
from jax.sharding import NamedSharding

from vaejax.core.mesh import check_batch_size
from vaejax.core.randomness import stream
from vaejax.data.permutation import keyed_permutation
from vaejax.data.prefetch import Prefetched
from vaejax.data.source import Raw, Source, complete
from vaejax.types import Array, Batch


def batch_indices(seed: int, step: int, num_examples: int, batch_size: int) -> np.ndarray:
    """Indices [B] of the batch of a step.

    The steps read one endless row of epochs, each a permutation keyed by (seed, epoch), without
    gaps: every example comes exactly once per N examples read, also where B does not divide N.

    Args:
        seed: of the order, in [0, 2^32).
        step: number of the batch, from 0.
        num_examples: N.
        batch_size: B.
    """
    positions = step * batch_size + np.arange(batch_size)
    epochs, places = np.divmod(positions, num_examples)
    indices = np.empty(batch_size, np.int64)
    for epoch in np.unique(epochs):
        here = epochs == epoch
        indices[here] = keyed_permutation(seed, int(epoch), num_examples)[places[here]]
    return indices


def local_rows(sharding: NamedSharding | None, batch_size: int) -> np.ndarray:
    """Rows of the global batch that lie on this process's devices, ascending [B_local]."""
    rows = np.arange(batch_size)
    if sharding is None:
        return rows
    shards = sharding.addressable_devices_indices_map((batch_size,)).values()
    return np.unique(np.concatenate([rows[shard] for shard in shards]))


def train_batches(
    source: Source,
    batch_size: int,
    *,
    seed: int,
    start_step: int = 0,
    sharding: NamedSharding | None = None,
) -> Prefetched[Batch]:
    """Endless batches, those of steps `start_step`, `start_step` + 1, ...

    Args:
        source: the images.
        batch_size: B, examples per step over all devices of all processes.
        seed: of the order and of what is random in the images, in [0, 2^32).
        start_step: first step.
        sharding: how arrays are split along their first axis; None puts them whole on one device.

    Returns:
        An iterator, also a context manager, of batches on the devices: `image` [B, H, W, C]
        float32, `index` [B] int32 (place in `source`), `position` [B] int32 (place in the global
        batch), and what else the source knows of its examples (`label`, `factors`).

    Raises:
        ValueError: the devices cannot share `batch_size` evenly; the seed or the source is unfit.
    """
    if not 0 <= seed < 2**32:
        raise ValueError(f"seed: expected a number in [0, 2^32), got {seed}")
    if start_step < 0:
        raise ValueError(f"start_step: expected a number >= 0, got {start_step}")
    put = _placement(source, batch_size, sharding)

    def make(step: int) -> Batch:
        return put(batch_indices(seed, step, len(source), batch_size), seed, step)

    return Prefetched(make, itertools.count(start_step))


def eval_batches(
    source: Source, batch_size: int, *, sharding: NamedSharding | None = None
) -> Prefetched[Batch]:
    """Every example once, in order; what is random in the images is the same every time.

    The batches share the examples evenly: what looks at a whole batch (total correlation) finds
    none that is nearly empty.

    Args:
        source: the images.
        batch_size: B, examples per batch over all devices of all processes.
        sharding: how arrays are split along their first axis; None puts them whole on one device.

    Returns:
        An iterator of ceil(N / B) batches as `train_batches` makes them, and `mask` [B] float32: 1
        for an example, 0 where a batch is filled up (with copies of its last example). The numbers
        of examples in two batches differ by one at most.

    Raises:
        ValueError: the devices cannot share `batch_size` evenly; the source is empty.
    """
    put = _placement(source, batch_size, sharding)

    num_batches = -(-len(source) // batch_size)

    def make(number: int) -> Batch:
        first, end = (len(source) * n // num_batches for n in (number, number + 1))
        positions = first + np.arange(batch_size)
        mask = (positions < end).astype(np.float32)
        return put(np.minimum(positions, end - 1), 0, 0, mask=mask)

    return Prefetched(make, range(num_batches))


def _placement(
    source: Source, batch_size: int, sharding: NamedSharding | None
) -> Callable[..., Batch]:
    """A function that makes the global batch of indices [B], fetching this process's rows only."""
    if len(source) == 0:
        raise ValueError("source: expected at least one example, got none")
    num_shards = 1
    if sharding is not None:
        num_devices = sharding.num_devices
        num_shards = num_devices // sharding.shard_shape((num_devices,))[0]
    check_batch_size(num_shards, batch_size)
    # Only this process's devices take part, so that no two processes need to start their programs
    # in the same order: with a background thread they would not.
    local = None if sharding is None else NamedSharding(sharding.mesh.local_mesh, sharding.spec)
    decode = _decoder(source, local)
    rows = local_rows(sharding, batch_size)

    # [B_local, ...] of each process -> [B, ...]
    def joined(sharding: NamedSharding, array: Array) -> Array:
        shards = [shard.data for shard in array.addressable_shards]
        shape = (batch_size, *array.shape[1:])
        return jax.make_array_from_single_device_arrays(shape, sharding, shards)

    def put(indices: np.ndarray, seed: int, step: int, **extra: np.ndarray) -> Batch:
        indices = indices[rows]
        places = {"index": indices.astype(np.int32), "position": rows.astype(np.int32)}
        extra = {name: array[rows] for name, array in extra.items()}
        raw, places, extra = jax.device_put((source.fetch(indices), places, extra), local)
        batch = {**decode(raw, places, np.uint32(seed), np.uint32(step)), **extra}
        if sharding is None:
            return batch
        return jax.tree.map(functools.partial(joined, sharding), batch)

    return put


@functools.lru_cache(maxsize=8)
def _decoder(source: Source, sharding: NamedSharding | None) -> Callable[..., Batch]:
    """The batches of the source, compiled once however often they are asked for."""

    @functools.partial(jax.jit, out_shardings=sharding)
    def decode(raw: Raw, places: Batch, seed: Array, step: Array) -> Batch:
        return complete(source, raw, jax.random.fold_in(data_rng(seed), step), **places)

    return decode


def data_rng(seed: int | Array) -> Array:
    """The key of what is random in the images of a run; the step is folded in."""
    return stream(seed, "data")
