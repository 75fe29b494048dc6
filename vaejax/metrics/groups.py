"""Drawing rows that share a factor's value, from any table of factors, a complete grid or not."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from vaejax.metrics.discrete import short
from vaejax.metrics.draws import below
from vaejax.types import Array


class FactorGroups(NamedTuple):
    """The rows of a table of factor levels, sorted by each factor in turn.

    A row that shares its value of a factor with no other row is not compared, and not drawn.

    Attributes:
        levels: [F, N].
        order: [F, N], row numbers by ascending level of factor k, those of a lone level last.
        start: [F, V], where each level begins in `order[k]`.
        count: [F, V], how many rows have it.
        num_shared: [F], how many rows of `order[k]` come before the lone ones, at least 2.
    """

    levels: Array
    order: Array
    start: Array
    count: Array
    num_shared: Array

    @classmethod
    def of(cls, levels: np.ndarray) -> "FactorGroups":
        """The groups of factor levels [N, F]."""
        size = int(levels.max()) + 1
        columns = np.stack([_lone_last(column) for column in levels.T])  # [F, N]
        order = np.argsort(short(columns), axis=1, kind="stable").astype(np.int32)
        count = np.stack([np.bincount(column, minlength=size) for column in columns])
        start = np.cumsum(count, axis=1) - count
        num_shared = np.where(count > 1, count, 0).sum(1)
        return cls(*map(jnp.asarray, (columns, order, start, count, num_shared)))

    def rows(self, words: Array, factor: Array) -> Array:
        """Uniformly random rows, one for each of the random 32-bit `words`."""
        return self.order[factor, below(words, self.num_shared[factor])]

    def rows_like(self, words: Array, rows: Array, factor: Array) -> Array:
        """Uniformly random rows that have the same value of `factor` as `rows`."""
        level = self.levels[factor, rows]
        place = self.start[factor, level] + below(words, self.count[factor, level])
        return self.order[factor, place]

    def partners(self, words: Array, rows: Array, factor: Array) -> Array:
        """As `rows_like`, but never the rows themselves, of which nothing differs."""
        level = self.levels[factor, rows]
        start, others = self.start[factor, level], self.count[factor, level] - 1
        drawn = self.order[factor, start + below(words, others)]
        return jnp.where(drawn == rows, self.order[factor, start + others], drawn)


def _lone_last(column: np.ndarray) -> np.ndarray:
    """Levels [N] renumbered so that those of a single row come last."""
    lone = np.bincount(column) == 1
    if not lone.any():
        return column
    place = np.empty(len(lone), np.int32)
    place[np.argsort(lone, kind="stable")] = np.arange(len(lone))
    return place[column]
