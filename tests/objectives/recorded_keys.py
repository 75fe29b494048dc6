"""A generator of random numbers that notes which keys are drawn from and which are split."""

from collections.abc import Iterator
from contextlib import contextmanager

import jax
import numpy as np
from jax.extend.random import define_prng_impl

THREEFRY = "threefry2x32"  # JAX's default, whose numbers these are
_drawn: list[bytes] = []
_split: list[bytes] = []


@contextmanager
def recorded() -> Iterator[tuple[list[bytes], list[bytes]]]:
    """The keys that numbers are drawn from within this context, and those that are split.

    A key is drawn from once for every draw; it counts as split when it is split or folded into.
    """
    _drawn.clear()
    _split.clear()
    yield _drawn, _split
    jax.effects_barrier()


def recording_key(seed: int) -> jax.Array:
    """`jax.random.key(seed)`, noting what becomes of it and of all keys made from it."""
    return jax.random.key(seed, impl=_IMPL)


def _wrapped(data: jax.Array) -> jax.Array:
    return jax.random.wrap_key_data(data, impl=THREEFRY)


def _note(record: list[bytes], data: jax.Array) -> None:
    jax.debug.callback(lambda key: record.append(np.asarray(key).tobytes()), data)


def _random_bits(data, bit_width, shape):
    _note(_drawn, data)
    return jax.random.bits(_wrapped(data), shape, np.dtype(f"uint{bit_width}"))


def _split_key(data, shape):
    _note(_split, data)
    return jax.random.key_data(jax.random.split(_wrapped(data), shape))


def _fold_in(data, number):
    _note(_split, data)
    return jax.random.key_data(jax.random.fold_in(_wrapped(data), number))


_IMPL = define_prng_impl(
    key_shape=(2,),
    seed=lambda seed: jax.random.key_data(jax.random.key(seed, impl=THREEFRY)),
    split=_split_key,
    random_bits=_random_bits,
    fold_in=_fold_in,
    name="recorded_threefry",
)
