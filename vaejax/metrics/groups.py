"""Drawing rows that share a factor's value, from any table of factors, a complete grid or not."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from vaejax.metrics.draws import below
from vaejax.types import Array


class FactorGroups(NamedTuple):
    """The rows of a table of factor levels, sorted by each factor in turn.

    Attributes:
        levels: [F, N].
        order: [F, N], row numbers by ascending level of factor k.
        start: [F, V], where each level begins in `order[k]`.
        count: [F, V], how many rows have it.
    """

    levels: Array
    order: Array
    start: Array
    count: Array

    @classmethod
    def of(cls, levels: np.ndarray) -> "FactorGroups":
        """The groups of factor levels [N, F]."""
        size = int(levels.max()) + 1
        # A stable sort of short integers is a radix sort: linear in N.
        kind = np.uint8 if size <= 2**8 else np.uint16 if size <= 2**16 else np.uint32
        order = np.argsort(levels.T.astype(kind), axis=1, kind="stable").astype(np.int32)
        count = np.stack([np.bincount(column, minlength=size) for column in levels.T])
        start = np.cumsum(count, axis=1) - count
        return cls(*map(jnp.asarray, (levels.T, order, start, count)))

    def rows(self, words: Array) -> Array:
        """Uniformly random rows, one for each of the random 32-bit `words`."""
        return below(words, self.levels.shape[1])

    def rows_like(self, words: Array, rows: Array, factor: Array) -> Array:
        """Uniformly random rows that have the same value of `factor` as `rows`."""
        level = self.levels[factor, rows]
        place = self.start[factor, level] + below(words, self.count[factor, level])
        return self.order[factor, place]
