"""Which of many images or codes are nearest to some: whether a model has learnt or copied."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from vaejax.core.checks import check_counts
from vaejax.types import AnyArray


class Nearest(NamedTuple):
    """The k nearest of many to each of Q, nearest first.

    Attributes:
        places: their places among the many, [Q, k].
        distances: Euclidean, [Q, k].
    """

    places: np.ndarray
    distances: np.ndarray


def nearest(queries: AnyArray, parts: Iterable[AnyArray], *, num_nearest: int = 1) -> Nearest:
    """The nearest rows of a set that is seen once, part by part; ties go to the first.

    Args:
        queries: [Q, ...].
        parts: arrays [n, ...] that make up the set.
        num_nearest: k; fewer where the set has fewer.

    Raises:
        ValueError: a part is of another shape.
    """
    check_counts(num_nearest=(num_nearest, 1))
    queries = np.asarray(queries)
    ours = _flat(queries)
    squares = (ours**2).sum(1, keepdims=True)  # [Q, 1]
    found: np.ndarray = np.zeros((len(ours), 0), np.int64)
    distances: np.ndarray = np.zeros((len(ours), 0))  # squared
    first = 0
    for part in parts:
        part = np.asarray(part)
        if part.shape[1:] != queries.shape[1:]:
            raise ValueError(f"parts: expected [n, *{queries.shape[1:]}], got {part.shape}")
        theirs = _flat(part)
        # |a - b|^2 = |a|^2 + |b|^2 - 2 a b, in float64: near copies are what one looks for
        there = squares + (theirs**2).sum(1)[None] - 2.0 * ours @ theirs.T
        places = np.broadcast_to(first + np.arange(len(part)), there.shape)
        found = np.concatenate([found, places], axis=1)
        distances = np.concatenate([distances, np.maximum(there, 0.0)], axis=1)
        order = np.argsort(distances, axis=1, kind="stable")[:, :num_nearest]
        found = np.take_along_axis(found, order, 1)
        distances = np.take_along_axis(distances, order, 1)
        first += len(part)
    return Nearest(found, np.sqrt(distances))


def _flat(rows: np.ndarray) -> np.ndarray:
    return rows.reshape(len(rows), -1).astype(np.float64)
