"""Batch statistics for sampling: re-estimated from a model's own samples, and kept in a file.

The running statistics of training come from codes of the posterior; codes of the prior, colder ones
above all, give features of other statistics.

Reference: Vahdat & Kautz, NVAE, 2020, section 4 (re-adjusted batch-norm statistics).
"""

import io
import os
import zipfile
import zlib
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from vaejax.core.files import write_whole
from vaejax.nn.noise import example_keys
from vaejax.objectives.views import need
from vaejax.types import Array, ModelState, Params, Temperature, Views

BATCH_STATS = "batch_stats"  # their collection in a model state
PARAMETERS = "parameters_crc32"  # beside the statistics: of the parameters that they belong to


def reestimate(
    views: Views,
    params: Params,
    model_state: ModelState,
    rng: Array,
    *,
    num_batches: int = 500,
    batch_size: int = 16,
    temperature: Temperature = 1.0,
) -> ModelState:
    """The model state after `num_batches` batches of samples; pure.

    Args:
        views: with `noise` and `adapt`.
        params: of all players.
        model_state: with the statistics to start from.
        rng: key of the draws.
        num_batches: how many; with a momentum of 0.05 the old statistics are gone after 100.
        batch_size: B, samples per batch.
        temperature: see `Views.from_noise`.

    Raises:
        ValueError: the model has no batch statistics, or none that can be those of samples.
    """
    if BATCH_STATS not in model_state:
        raise ValueError("reestimate: expected a model with batch statistics, got one without")
    noise, adapt = need(views, "noise", "reestimate"), need(views, "adapt", "reestimate")

    def add(model_state: ModelState, number: Array) -> tuple[ModelState, None]:
        keys = example_keys(jax.random.fold_in(rng, number), jnp.arange(batch_size))
        return adapt(params, model_state, noise(keys), temperature), None

    return jax.lax.scan(add, model_state, jnp.arange(num_batches))[0]


def save_batch_stats(path: str | os.PathLike[str], batch_stats: Any, params: Params) -> None:
    """Write statistics for the parameters of all players, with a CRC-32 of every array."""
    content = io.BytesIO()
    arrays: dict[str, Any] = {PARAMETERS: np.asarray(_crc32(params))}
    np.savez(content, **arrays, **flatten_dict(jax.device_get(batch_stats), sep="/"))
    write_whole(path, content.getvalue())


def load_batch_stats(path: str | os.PathLike[str], params: Params) -> Any | None:
    """The statistics in a file; None where there are none, or those of other parameters.

    Raises:
        ValueError: the file is damaged.
    """
    if not Path(path).is_file():
        return None
    try:
        with np.load(path) as file:  # which checks every CRC-32
            arrays = {name: file[name] for name in file.files}
    except (EOFError, OSError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{path} is damaged: {error}; remove it") from error
    same = int(arrays.pop(PARAMETERS, -1)) == _crc32(params)
    return unflatten_dict(arrays, sep="/") if same else None


def _crc32(tree: Any) -> int:
    checksum = 0
    for leaf in jax.tree.leaves(jax.device_get(tree)):
        checksum = zlib.crc32(np.ascontiguousarray(leaf).reshape(-1).view("u1").data, checksum)
    return checksum
