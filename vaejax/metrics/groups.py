"""Drawing rows that share a factor's value, from any table of factors, a complete grid or not."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vaejax.metrics.discrete import short
from vaejax.metrics.draws import below
from vaejax.types import AnyArray, Array


class FactorGroups(NamedTuple):
    """The rows of a table of factor levels, sorted by each factor in turn.

    A row that shares its value of a factor with no other row is not compared, and not drawn.

    Attributes:
        levels: [F, N].
        order: [F, N], row numbers by ascending level of factor k, those of a lone level last.
        start: [F, V], where each level begins in `order[k]`.
        count: [F, V], how many rows have it.
        last: [F, V], the last row of each level in `order[k]`.
        num_shared: [F], how many rows of `order[k]` come before the lone ones; None where no row
            is lone, and none has to be looked up.
    """

    levels: Array
    order: Array
    start: Array
    count: Array  # type: ignore[assignment]  # hides tuple.count
    last: Array
    num_shared: Array | None

    @classmethod
    def of(cls, levels: np.ndarray) -> "FactorGroups":
        """The groups of factor levels [N, F]."""
        size = int(levels.max()) + 1
        count = np.stack([np.bincount(column, minlength=size) for column in levels.T])
        num_lone, columns = (count == 1).sum(1), levels.T
        if num_lone.any():
            # Levels are renumbered so that the lone ones come last.
            by_number = np.argsort(count == 1, axis=1, kind="stable")
            columns = np.take_along_axis(np.argsort(by_number, axis=1), columns, axis=1)
            count = np.take_along_axis(count, by_number, axis=1)
        order = np.argsort(short(columns), axis=1, kind="stable").astype(np.int32)
        start = np.cumsum(count, axis=1) - count
        last = np.take_along_axis(order, np.maximum(start + count - 1, 0), axis=1)
        arrays = map(jnp.asarray, (columns, order, start, count, last))
        num_shared = jnp.asarray(len(levels) - num_lone) if num_lone.any() else None
        return cls._make((*arrays, num_shared))

    def rows(self, words: Array, factor: Array) -> AnyArray:
        """Uniformly random rows, one for each of the random 32-bit `words`."""
        if self.num_shared is None:
            return below(words, self.levels.shape[1])
        return self.order[factor, below(words, self.num_shared[factor])]

    def rows_like(self, words: Array, rows: Array, factor: Array) -> Array:
        """Uniformly random rows that have the same value of `factor` as `rows`."""
        level = self.levels[factor, rows]
        place = self.start[factor, level] + below(words, self.count[factor, level])
        return self.order[factor, place]

    def distinct_like(self, words: Array, rows: Array, factor: Array) -> Array:
        """As `rows_like`, k different rows for each of `rows`; of fewer, all in turn from one.

        Floyd's sampling without replacement (Bentley & Floyd, "Programming pearls: a sample of
        brilliance", 1987), for all rows at once.

        Args:
            words: [V, k].
            rows, factor: [V, 1].
        """
        level = self.levels[factor, rows]
        count, size = self.count[factor, level], words.shape[1]

        def step(i: Array, chosen: Array) -> Array:
            last = jnp.maximum(count[:, 0] - size + i, 0)
            drawn = below(words[:, i], last + 1)
            taken = (chosen == drawn[:, None]).any(1)
            return chosen.at[:, i].set(jnp.where(taken, last, drawn))

        chosen = jax.lax.fori_loop(0, size, step, jnp.full(words.shape, -1))
        in_turn = (below(words[:, :1], count) + jnp.arange(size)[None]) % count
        place = self.start[factor, level] + jnp.where(count >= size, chosen, in_turn)
        return self.order[factor, place]

    def partners(self, words: Array, rows: Array, factor: Array) -> Array:
        """As `rows_like`, but never the rows themselves, of which nothing differs."""
        level = self.levels[factor, rows]
        others = below(words, self.count[factor, level] - 1)
        drawn = self.order[factor, self.start[factor, level] + others]
        return jnp.where(drawn == rows, self.last[factor, level], drawn)
