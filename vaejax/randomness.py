"""One seed, many independent streams of random numbers.

`fold_in(key, i)` equals `split(key)[i]`, so streams that fold small numbers into one key would
share draws. Each stream therefore starts from a key of its own, by name.
"""

import zlib

import jax

from vaejax.types import Array


def stream(seed: int | Array, name: str) -> Array:
    """The key of the stream `name` ("init", "train", "data", ...) of a run with this seed."""
    return jax.random.fold_in(jax.random.key(seed), zlib.crc32(name.encode()))
