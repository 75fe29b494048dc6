"""Batches gathered from data on the device are those of the ordinary loader."""

from functools import partial

import jax
import numpy as np
import pytest

from tests.data.test_loader import make_source, take
from vaejax.data import dsprites, train_batches
from vaejax.data.loader import batch_indices, data_rng
from vaejax.data.resident import all_records, gather_batch, indices_of_steps


@pytest.mark.parametrize("kind", ["flipped and binarised", "drawn and coloured"])
def test_batches_are_those_of_the_loader(kind):
    source = make_source()
    if kind == "drawn and coloured":
        fixed = {"shape": 0, "scale": 1, "orientation": 2, "x": 3}
        source = dsprites(fixed=fixed, coloured=True)["train"]
    records = jax.device_put(all_records(source))
    gather = jax.jit(partial(gather_batch, source))
    indices = indices_of_steps(7, 3, 4, len(source), 5)
    for i, expected in enumerate(take(train_batches(source, 5, seed=7, start_step=3), 4)):
        rng = jax.random.fold_in(data_rng(7), 3 + i)
        batch = gather(records, indices[i], rng)
        assert batch.keys() == expected.keys()
        assert ("factors" in batch) == (kind == "drawn and coloured")
        jax.tree.map(np.testing.assert_array_equal, dict(batch), dict(expected))


def test_indices_of_steps_run_over_epochs():
    indices = indices_of_steps(1, 5, 6, 10, 4)
    assert indices.shape == (6, 4) and indices.dtype == np.int32
    np.testing.assert_array_equal(indices, [batch_indices(1, step, 10, 4) for step in range(5, 11)])
