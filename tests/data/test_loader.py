"""Batches: their order, their layout over devices and processes, and the thread that makes them."""

import json
import os
import socket
import subprocess
import sys
import threading

import jax
import numpy as np
import pytest

from vaejax.core.mesh import batch_sharding, data_mesh, replicated
from vaejax.data.arrays import ArraySource
from vaejax.data.loader import batch_indices, eval_batches, local_rows, train_batches
from vaejax.data.source import Subset
from vaejax.data.transforms import transformed

NUM_EXAMPLES = 23


def make_source(num_examples=NUM_EXAMPLES):
    """Images with everything random in them that there is."""
    pixels = np.random.default_rng(0).integers(0, 256, (num_examples, 4, 4, 1), dtype=np.uint8)
    return transformed({"train": ArraySource(pixels)}, flip=True, binarize="dynamic")["train"]


@pytest.fixture(scope="module")
def source():
    return make_source()


def sharding_of(num_devices):
    return batch_sharding(data_mesh(jax.devices()[:num_devices]))


def take(batches, count):
    with batches:
        return [jax.device_get(next(batches)) for _ in range(count)]


@pytest.mark.parametrize("batch_size", [1, 5, 23, 40])
def test_every_example_once_per_epoch(batch_size):
    num_epochs = 40
    steps = -(-num_epochs * NUM_EXAMPLES // batch_size)
    read = [batch_indices(3, step, NUM_EXAMPLES, batch_size) for step in range(steps)]
    epochs = np.concatenate(read)[: num_epochs * NUM_EXAMPLES].reshape(num_epochs, NUM_EXAMPLES)
    np.testing.assert_array_equal(np.sort(epochs, axis=1), np.tile(np.arange(23), (num_epochs, 1)))
    assert len({tuple(epoch) for epoch in epochs}) == num_epochs


def test_order_depends_on_the_seed():
    assert not np.array_equal(batch_indices(0, 0, 100, 100), batch_indices(1, 0, 100, 100))


def test_batches_are_the_examples_of_their_indices():
    source = ArraySource(np.arange(205, 228, dtype=np.uint8).reshape(-1, 1, 1, 1))
    for step, batch in enumerate(take(train_batches(source, 6, seed=1), 5)):
        np.testing.assert_array_equal(batch["index"], batch_indices(1, step, NUM_EXAMPLES, 6))
        assert (batch["index"].dtype, batch["image"].dtype) == (np.int32, np.float32)
        np.testing.assert_allclose(batch["image"].ravel() * 255, batch["index"] + 205, rtol=1e-6)


def test_labels_and_factors_reach_the_batch_through_wrappers():
    """Each its own example's, in training and evaluation, on one device and on eight."""
    places = np.arange(NUM_EXAMPLES)
    arrays = ArraySource(
        np.broadcast_to(
            (places + 205).astype(np.uint8)[:, None, None, None], (NUM_EXAMPLES, 4, 4, 1)
        ),
        labels=places % 7,
        factors=places[:, None],
        factor_names=("place",),
    )
    order = np.random.default_rng(0).permutation(NUM_EXAMPLES)
    source = transformed({"train": Subset(arrays, order)}, flip=True, standardize=True)["train"]
    assert (source.num_labels, source.factor_names) == (7, ("place",))
    batches = [
        *take(train_batches(source, 8, seed=1), 3),
        *take(train_batches(source, 8, seed=1, sharding=sharding_of(8)), 3),
        *take(eval_batches(source, 8), 3),
    ]
    for batch in batches:
        here = order[batch["index"]]
        np.testing.assert_array_equal(batch["label"], here % 7)
        np.testing.assert_array_equal(batch["factors"], here[:, None])
        pixels = source.pictures(batch["image"])[:, 0, 0, 0] * 255
        np.testing.assert_allclose(pixels, here + 205, atol=1e-3)
        np.testing.assert_array_equal(batch["position"], np.arange(8))
        assert batch["position"].dtype == np.int32


def test_resuming_is_continuing(source):
    through = take(train_batches(source, 8, seed=2), 7)
    resumed = take(train_batches(source, 8, seed=2, start_step=4), 3)
    jax.tree.map(np.testing.assert_array_equal, through[4:], resumed)


def test_randomness_changes_with_the_step_and_the_seed(source):
    """The same examples in another epoch, or under another seed, are drawn anew."""

    def by_index(batch):
        return batch["image"][np.argsort(batch["index"])]

    first, second = take(train_batches(source, NUM_EXAMPLES, seed=2), 2)
    (other,) = take(train_batches(source, NUM_EXAMPLES, seed=3), 1)
    assert not np.array_equal(by_index(first), by_index(second))
    assert not np.array_equal(by_index(first), by_index(other))


@pytest.mark.parametrize("num_devices", [1, 2, 4, 8])
def test_global_batch_is_the_same_for_any_number_of_devices(source, num_devices):
    sharding = sharding_of(num_devices)
    jax.tree.map(
        np.testing.assert_array_equal,
        take(train_batches(source, 8, seed=2), 4),
        take(train_batches(source, 8, seed=2, sharding=sharding), 4),
    )
    jax.tree.map(
        np.testing.assert_array_equal,
        take(eval_batches(source, 8), 3),
        take(eval_batches(source, 8, sharding=sharding), 3),
    )
    with train_batches(source, 8, seed=2, sharding=sharding) as batches:
        assert {array.sharding for array in jax.tree.leaves(next(batches))} == {sharding}


class ProcessView:
    """A sharding as one of several processes sees it: some of the devices are its own."""

    def __init__(self, sharding, devices):
        self._sharding, self._devices = sharding, devices

    def addressable_devices_indices_map(self, shape):
        slices = self._sharding.devices_indices_map(shape)
        return {device: slices[device] for device in self._devices}


def test_processes_fetch_their_own_rows_and_together_all():
    devices = jax.devices()
    sharding = batch_sharding(data_mesh())
    halves = [local_rows(ProcessView(sharding, d), 16) for d in (devices[:4], devices[4:])]
    np.testing.assert_array_equal(halves, np.arange(16).reshape(2, 8))
    interleaved = local_rows(ProcessView(sharding, devices[::4]), 16)  # devices 0 and 4
    np.testing.assert_array_equal(interleaved, [0, 1, 8, 9])
    whole = local_rows(ProcessView(replicated(data_mesh()), devices[:4]), 16)
    np.testing.assert_array_equal(whole, np.arange(16))
    np.testing.assert_array_equal(local_rows(None, 3), np.arange(3))


@pytest.mark.parametrize("batch_size", [8, 11, 22, 23, 32])
def test_evaluation_covers_every_example_once(source, batch_size):
    batches = [jax.device_get(batch) for batch in eval_batches(source, batch_size)]
    assert len(batches) == -(-NUM_EXAMPLES // batch_size)
    assert {batch["image"].shape for batch in batches} == {(batch_size, 4, 4, 1)}
    mask = np.concatenate([batch["mask"] for batch in batches])
    index = np.concatenate([batch["index"] for batch in batches])
    assert (mask.dtype, set(mask)) == (np.float32, {1.0} if mask.all() else {0.0, 1.0})
    np.testing.assert_array_equal(index[mask == 1], np.arange(NUM_EXAMPLES))
    counts = [batch["mask"].sum() for batch in batches]
    assert max(counts) - min(counts) <= 1  # none is nearly empty
    for batch, count in zip(batches, map(int, counts), strict=True):
        assert batch["mask"][:count].all() and set(batch["index"][count:]) <= {batch["index"][-1]}
        assert batch["index"][count - 1] == batch["index"][-1]


def test_evaluation_images_do_not_depend_on_the_batch_size(source):

    def images(batch_size):
        batches = [jax.device_get(batch) for batch in eval_batches(source, batch_size)]
        return np.concatenate([batch["image"][batch["mask"] > 0] for batch in batches])

    np.testing.assert_array_equal(images(5), images(16))


def test_decode_is_traced_once():
    class Counting(ArraySource):
        traces = 0

        def decode(self, raw, rng):
            self.traces += 1
            return super().decode(raw, rng)

    source = Counting(np.full((NUM_EXAMPLES, 2, 2, 1), 200, np.uint8))
    for _ in range(3):
        take(train_batches(source, 8, seed=0), 5)
        list(eval_batches(source, 8))
    assert source.traces == 1


def test_errors_of_the_thread_surface_in_the_consumer():
    class Broken(ArraySource):
        def fetch(self, indices):
            if 3 in indices:
                raise OSError("cannot read example 3")
            return super().fetch(indices)

    with pytest.raises(OSError, match="example 3"):
        take(train_batches(Broken(np.full((9, 2, 2), 200, np.uint8)), 3, seed=0), 3)
    assert not [t for t in threading.enumerate() if t.name.startswith("vaejax-prefetch")]


@pytest.mark.parametrize("make", [eval_batches, lambda *a, **k: train_batches(*a, seed=0, **k)])
def test_unfit_batch_size_fails_at_once(source, make):
    message = r"^batch_size: expected a positive multiple of 8 devices, got 12"
    with pytest.raises(ValueError, match=message):
        make(source, 12, sharding=sharding_of(8))
    with pytest.raises(ValueError, match=r"^batch_size: expected a positive multiple of 1"):
        make(source, 0)


def test_other_refusals(source):
    with pytest.raises(ValueError, match=r"^seed: expected a number in \[0, 2\^32\), got -1"):
        train_batches(source, 8, seed=-1)
    with pytest.raises(ValueError, match=r"^start_step: expected a number >= 0, got -1"):
        train_batches(source, 8, seed=0, start_step=-1)
    with pytest.raises(ValueError, match=r"^source: expected at least one example, got none"):
        eval_batches(Subset(source, np.arange(0)), 8)


PROCESS = """
import json, sys
import jax
process, port, devices = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
jax.config.update("jax_num_cpu_devices", devices)
if devices < 8:
    jax.distributed.initialize(f"127.0.0.1:{port}", 2, process)
from tests.data.test_loader import make_source
from vaejax.data.loader import eval_batches, train_batches
from vaejax.core.mesh import batch_sharding, data_mesh
sharding, rows = batch_sharding(data_mesh()), []
with train_batches(make_source(), 16, seed=5, sharding=sharding) as batches:
    batches = [next(batches), next(batches), *eval_batches(make_source(), 16, sharding=sharding)]
for number, batch in enumerate(batches):
    assert batch["image"].shape == (16, 4, 4, 1)
    for name, array in sorted(batch.items()):
        for shard in array.addressable_shards:
            rows.append([number, name, shard.index[0].start, shard.data.tolist()])
print("ROWS" + json.dumps(rows))
"""


@pytest.mark.slow
def test_global_batch_is_the_same_for_two_processes():
    def rows(*devices_of_processes):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        root = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", PROCESS, str(i), port, str(devices)],
                cwd=root,
                env={**os.environ, "JAX_PLATFORMS": "cpu"},
                stdout=subprocess.PIPE,
                text=True,
            )
            for i, devices in enumerate(devices_of_processes)
        ]
        outputs = [process.communicate(timeout=120)[0] for process in processes]
        return [json.loads(output.partition("ROWS")[2]) for output in outputs]

    (whole,) = rows(8)
    first, second = rows(4, 4)
    assert len(first) == len(second) == len(whole) / 2
    assert sorted(first + second) == sorted(whole)
