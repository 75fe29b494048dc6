"""Whether XLA's own form of an operation is used, or one that is faster on CPU."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import jax

_force_native: ContextVar[bool] = ContextVar("force_native", default=False)


@contextmanager
def native_operations() -> Iterator[None]:
    """Within this context, convolutions and `swish` are XLA's own on CPU too.

    For forward-mode differentiation (`jax.jvp`, `jax.jacfwd`, `jax.linearize`), which the CPU
    reformulations do not support, and for comparisons. Any number of reverse-mode derivatives
    needs no switch. It is read while a function is traced: enter it before the first call of
    a jitted function, which keeps what it was traced with.
    """
    token = _force_native.set(True)
    try:
        yield
    finally:
        _force_native.reset(token)


def is_native() -> bool:
    """Whether to use XLA's own form here: on GPU and TPU, or when told."""
    return _force_native.get() or jax.default_backend() != "cpu"
