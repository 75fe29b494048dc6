"""A data set that lies on the device whole, and batches gathered from it inside a compiled step.

For several steps in one call: then only indices cross to the device, and the batches are those that
`train_batches` makes, since both read `batch_indices` and decode with the same key.
"""

import jax
import numpy as np

from vaejax.data.loader import batch_indices
from vaejax.data.source import Raw, Source, complete
from vaejax.types import Array, Batch


def all_records(source: Source) -> Raw:
    """The raw records of every example, host arrays with leading axis N."""
    return source.fetch(np.arange(len(source)))


def gather_batch(source: Source, records: Raw, indices: Array, rng: Array) -> Batch:
    """The batch of `indices` [B], as `train_batches` makes it; pure and traceable.

    Args:
        source: the images.
        records: its `all_records`, on the device.
        indices: positions in `source`, [B] int32.
        rng: `data_rng` of the run with the step folded in.
    """
    return complete(source, jax.tree.map(lambda array: array[indices], records), rng, indices)


def indices_of_steps(
    seed: int, first_step: int, num_steps: int, num_examples: int, batch_size: int
) -> np.ndarray:
    """`batch_indices` of several steps, [K, B] int32."""
    steps = range(first_step, first_step + num_steps)
    batches = [batch_indices(seed, step, num_examples, batch_size) for step in steps]
    return np.stack(batches).astype(np.int32)
