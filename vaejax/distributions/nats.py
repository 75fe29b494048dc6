"""Log-probabilities are in nats, per example: their reduction over events and their other unit."""

import math
from typing import TypeVar

from vaejax.types import Array

Nats = TypeVar("Nats", Array, float)


def sum_events(x: Array) -> Array:
    """[B, ...] -> [B]: the sum over everything but the batch axis."""
    return x.sum(axis=tuple(range(1, x.ndim)))


def sum_positions(x: Array) -> Array:
    """[B, ..., D] -> [B, D]: the sum over everything between the batch and the last axis."""
    return x.reshape(x.shape[0], -1, x.shape[-1]).sum(1)


def bits_per_dim(nats: Nats, num_dims: int) -> Nats:
    """Nats per image to bits per dimension: nats / (num_dims ln 2); the only converter.

    For a density (a Gaussian decoder) these are bits of density per dimension, which may be
    negative and compare only between models of the same data at the same scale.
    """
    return nats / (num_dims * math.log(2.0))
