"""Drawing rows that share a factor's value, from any table of factors, a complete grid or not."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vaejax.types import Array


class FactorGroups(NamedTuple):
    """The rows of a table of factor levels, sorted by each factor in turn.

    Attributes:
        levels: [N, F].
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
        # A stable sort of 16-bit integers is a radix sort: linear in N.
        keys = np.ascontiguousarray(levels.T, np.uint16 if levels.max() < 2**16 else None)
        order = np.argsort(keys, axis=1, kind="stable").astype(np.int32)
        size = int(levels.max()) + 1
        count = np.stack([np.bincount(column, minlength=size) for column in levels.T])
        start = np.cumsum(count, axis=1) - count
        return cls(*map(jnp.asarray, (levels, order, start, count)))

    def rows(self, bits: Array) -> Array:
        """Uniformly random rows, one for each of the random 32-bit words `bits`."""
        return _below(bits, self.levels.shape[0])

    def rows_like(self, bits: Array, rows: Array, factor: Array) -> Array:
        """Uniformly random rows that have the same value of `factor` as `rows`."""
        level = self.levels[rows, factor]
        place = self.start[factor, level] + _below(bits, self.count[factor, level])
        return self.order[factor, place]


def _below(bits: Array, limit: Array | int) -> Array:
    """Integers in [0, limit) from 32-bit words; uneven by at most limit / 2^32."""
    return (bits % jnp.asarray(limit, jnp.uint32)).astype(jnp.int32)


def random_words(rng: Array, shape: tuple[int, ...]) -> Array:
    """Random 32-bit words from a generator that is several times faster than JAX's default."""
    data = jax.random.key_data(rng).reshape(-1)
    key = jax.random.wrap_key_data(jnp.resize(data, 4), impl="unsafe_rbg")
    return jax.random.bits(key, shape, jnp.uint32)
