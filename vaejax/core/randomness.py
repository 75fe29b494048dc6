"""One seed, many independent streams of random numbers.

`fold_in(key, i)` equals `split(key)[i]`, so streams that fold small numbers into one key would
share draws, with each other and with whoever splits it. Each stream therefore starts from a key of
its own, by name.
"""

import math
import zlib
from collections.abc import Callable
from typing import Any

import jax

from vaejax.types import Array


def stream(seed: int | Array, name: str) -> Array:
    """The key of the stream `name` ("init", "train", "data", ...) of a run with this seed."""
    return named(jax.random.key(seed), name)


def named(rng: Array, name: str) -> Array:
    """The key of the stream `name` below a key that others may split."""
    return jax.random.fold_in(rng, zlib.crc32(name.encode()))


def draw(
    sampler: Callable[..., Array], rng: Array, shape: tuple[int, ...], *args: Any, **options: Any
) -> Array:
    """`sampler(rng, shape, *args, **options)` for one of `jax.random`, such as `normal`.

    The same numbers, drawn as a vector: XLA:CPU compiles a draw of four axes in two seconds, one of
    one axis in a tenth of that, and a deep network has hundreds.
    """
    return sampler(rng, (math.prod(shape),), *args, **options).reshape(shape)
