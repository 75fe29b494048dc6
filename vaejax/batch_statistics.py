"""Batch statistics for sampling: re-estimated from a model's own samples, and kept in a file.

The running statistics of training come from codes of the posterior; codes of the prior, colder ones
above all, give features of other statistics.

Reference: Vahdat & Kautz, NVAE, 2020, section 4 (re-adjusted batch-norm statistics).
"""

import io
import os
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from vaejax.files import write_whole
from vaejax.types import Array

PARAMETERS = "parameters_crc32"  # beside the statistics: of the parameters that they belong to


def reestimate_batch_stats(
    model: Any,
    variables: Mapping[str, Any],
    rng: Array | None = None,
    *,
    num_batches: int = 500,
    batch_size: int = 16,
    temperature: float | Sequence[float] = 1.0,
    noise: Sequence[Array] | None = None,
) -> Any:
    """The collection `batch_stats` after `num_batches` passes of sampling in train mode; pure.

    Args:
        model: a flax module with batch normalisation and a method `sample`.
        variables: of the model, with the statistics to start from.
        rng: key of the draws; not needed where there is `noise`.
        num_batches: passes; with a momentum of 0.05 the old statistics are gone after 100.
        batch_size: B, samples per pass.
        temperature: of the priors, as in `sample`.
        noise: of all passes, one array [num_batches, B, ...] per latent group, top first; else
            drawn.
    """

    def sample(batch_stats: Any, inputs: tuple[Array, Any]) -> tuple[Any, None]:
        i, draws = inputs
        _, state = model.apply(
            {**variables, "batch_stats": batch_stats},
            batch_size,
            temperature=temperature,
            noise=draws,
            train=True,
            method="sample",
            mutable=["batch_stats"],
            rngs={} if rng is None else {"latent": jax.random.fold_in(rng, i)},
        )
        return state["batch_stats"], None

    inputs = jnp.arange(num_batches), None if noise is None else list(noise)
    return jax.lax.scan(sample, variables["batch_stats"], inputs)[0]


def save_batch_stats(path: str | os.PathLike[str], batch_stats: Any, params: Any) -> None:
    """Write statistics for the parameters `params`; the `.npz` holds a CRC-32 of every array."""
    content = io.BytesIO()
    arrays = flatten_dict(jax.device_get(batch_stats), sep="/")
    np.savez(content, **{PARAMETERS: np.asarray(_crc32(params))}, **arrays)
    write_whole(path, content.getvalue())


def load_batch_stats(path: str | os.PathLike[str], params: Any) -> Any | None:
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
        checksum = zlib.crc32(np.ascontiguousarray(leaf).reshape(-1).view("u1"), checksum)
    return checksum
