"""Noise of examples: each draws from a key of its own, whatever batch it is in.

A key is folded with the place of an example (its position in the global batch, its index in the
data set), so the same run gives the same numbers on one device, on eight, under `jit`, under `pmap`
and in microbatches.
"""

from collections.abc import Callable
from typing import Any

import jax

from vaejax.core.randomness import draw
from vaejax.types import Array


def example_keys(rng: Array, places: Array) -> Array:
    """A key for every example, [B], from a key and their places [B]."""
    return jax.vmap(jax.random.fold_in, (None, 0))(rng, places)


def part_keys(keys: Array, part: int | Array) -> Array:
    """Keys [B] of one of several things that every example draws."""
    return jax.vmap(jax.random.fold_in, (0, None))(keys, part)


def draw_each(
    sampler: Callable[..., Array], keys: Array, shape: tuple[int, ...], *args: Any
) -> Array:
    """Draws [B, *shape] of one of `jax.random`, such as `normal`, each from its own key."""
    return jax.vmap(lambda key: draw(sampler, key, shape, *args))(keys)
