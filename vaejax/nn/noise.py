"""Noise for reparameterised samples that does not depend on how a batch is laid out.

Row i is drawn from a key folded with the place of example i in the global batch, so the same run
gives the same numbers on one device, on eight, under `jit` and under `pmap`.
"""

import jax
import jax.numpy as jnp

from vaejax.parallel import example_positions, microbatch_index, shard_index
from vaejax.randomness import draw
from vaejax.types import Array


def example_normal(rng: Array, shape: tuple[int, ...], dtype: jnp.dtype = jnp.float32) -> Array:
    """Standard normal noise of `shape` [B, ...], one independent stream per example."""
    keys = jax.vmap(jax.random.fold_in, (None, 0))(rng, example_positions(shape[0]))
    return jax.vmap(lambda key: draw(jax.random.normal, key, shape[1:], dtype))(keys)


def part_rng(rng: Array) -> Array:
    """A key for what examples draw together (a shuffle, dropout): one per shard and microbatch."""
    for place in (shard_index(), microbatch_index()):
        if place is not None:
            rng = jax.random.fold_in(rng, place)
    return rng
