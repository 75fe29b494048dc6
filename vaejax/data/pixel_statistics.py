"""The mean image of a data set, and by how much every pixel varies about it."""

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np

from vaejax.types import Array

if TYPE_CHECKING:  # sources ask this file for their mean images
    from vaejax.data.source import Raw, Source

STD_FLOOR = 1.0 / 255.0
"""Least standard deviation, one grey level: what is divided by it stays finite in dead pixels."""


def pixel_statistics(source: "Source", chunk_size: int = 1024) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation [H, W, C] of every pixel over a data set, the latter floored.

    Chunks are summed on the device, two passes each, and merged in float64 (Chan, Golub, LeVeque,
    "Updating formulae and a pairwise algorithm for computing sample variances", 1979).
    """

    @jax.jit
    def chunk_statistics(raw: "Raw") -> tuple[Array, Array]:
        images = source.decode(raw, jax.random.key(0))["image"]
        mean = images.mean(axis=0, keepdims=True)
        return mean[0], jnp.square(images - mean).sum(axis=0)

    count, mean, squares = 0, np.zeros(()), np.zeros(())
    for start in range(0, len(source), chunk_size):
        indices = np.arange(start, min(start + chunk_size, len(source)))
        chunk_mean, chunk_squares = jax.device_get(chunk_statistics(source.fetch(indices)))
        total = count + len(indices)
        delta = chunk_mean.astype(np.float64) - mean
        mean = mean + delta * (len(indices) / total)
        squares = squares + chunk_squares + delta**2 * (count * len(indices) / total)
        count = total
    return mean, np.maximum(np.sqrt(squares / count), STD_FLOOR)
