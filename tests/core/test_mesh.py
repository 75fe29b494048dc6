"""What code inside a step learns of the data axis, inside and outside of pmap and shard_map."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import PartitionSpec

from vaejax.core.mesh import (
    DATA_AXIS,
    batch_sharding,
    data_mesh,
    gather_over_shards,
    mean_over_shards,
    replicated,
    shard_index,
    sum_over_shards,
    with_positions,
)


def test_outside_of_shards_nothing_changes():
    assert shard_index() is None
    tree = {"a": jnp.arange(3.0)}
    assert mean_over_shards(tree) is tree
    assert sum_over_shards(tree) is tree
    assert gather_over_shards(tree) is tree
    np.testing.assert_array_equal(jax.jit(positions)(np.zeros((4, 1))), np.arange(4))


def positions(images):
    return with_positions({"image": images})["position"]


def test_positions_that_are_there_stay():
    batch = {"image": jnp.zeros((2, 1)), "position": jnp.array([7, 3])}
    assert with_positions(batch) is batch


def check(values, means, sums, positions):
    np.testing.assert_allclose(means, np.full(8, values.mean()))
    np.testing.assert_allclose(sums, np.full(8, values.sum()))
    np.testing.assert_array_equal(np.ravel(positions), np.arange(16))


def inside(value):
    return mean_over_shards(value), sum_over_shards(value), positions(jnp.zeros((2, 1)))


def test_under_pmap_averages_cross_devices():
    values = np.arange(8.0, dtype=np.float32)
    check(values, *jax.pmap(inside, axis_name=DATA_AXIS)(values))


def test_under_shard_map_averages_cross_devices():
    values = np.arange(8.0, dtype=np.float32)
    spec = PartitionSpec(DATA_AXIS)
    mapped = jax.shard_map(inside, mesh=data_mesh(), in_specs=spec, out_specs=spec, check_vma=False)
    check(values, *jax.jit(mapped)(values))


def test_rows_are_gathered_in_the_order_of_the_batch():
    rows = np.arange(32.0, dtype=np.float32).reshape(8, 2, 2)
    gathered = jax.pmap(gather_over_shards, axis_name=DATA_AXIS, out_axes=None)(rows)
    np.testing.assert_array_equal(gathered, rows.reshape(16, 2))


def test_shardings_split_the_batch_or_nothing():
    mesh = data_mesh()
    array = jax.device_put(np.zeros((16, 3)), batch_sharding(mesh))
    assert {shard.data.shape for shard in array.addressable_shards} == {(2, 3)}
    assert jax.device_put(np.zeros((16, 3)), replicated(mesh)).is_fully_replicated
    assert data_mesh(jax.devices()[:2]).size == 2
