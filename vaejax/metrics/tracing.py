"""One source, two ways to run: NumPy with arrays at hand, JAX within `vmap` and `jit`.

A score of arrays at hand is computed by NumPy, in the arrays' precision: nothing is compiled, so
the first score costs as much as a later one. Where an array is traced, as the codes are in
`jax.vmap(lambda codes: mig(codes, factors))(codes_of_models)`, the same lines become JAX's.
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vaejax.core.checks import is_traced
from vaejax.types import AnyArray


def namespace(*arrays: Any) -> ModuleType:
    """The module whose functions apply to arrays: `jax.numpy` if one is traced, else `numpy`."""
    return jnp if is_traced(*arrays) else np


def precise(array: AnyArray) -> AnyArray:
    """The array in float64 where it is at hand, as it is where it is traced."""
    return array if is_traced(array) else np.asarray(array, np.float64)


def while_loop(
    xp: ModuleType, condition: Callable[[Any], Any], body: Callable[[Any], Any], carry: Any
) -> Any:
    """`body(carry)` for as long as `condition(carry)`, in the namespace `xp`."""
    if xp is jnp:
        return jax.lax.while_loop(condition, body, carry)
    while condition(carry):
        carry = body(carry)
    return carry


def repeat(xp: ModuleType, times: int, body: Callable[[Any], Any], carry: Any) -> Any:
    """`body(carry)` a number of times, in the namespace `xp`."""
    if xp is jnp:
        return jax.lax.fori_loop(0, times, lambda _, carry: body(carry), carry)
    for _ in range(times):
        carry = body(carry)
    return carry


def each(xp: ModuleType, function: Callable[..., Any], *arrays: AnyArray) -> Any:
    """`function` of every entry along the first axis of the arrays, stacked, in `xp`."""
    if xp is jnp:
        return jax.lax.map(lambda entries: function(*entries), arrays)
    results = [function(*entries) for entries in zip(*arrays, strict=True)]
    return jax.tree.map(lambda *leaves: np.stack(leaves), *results)
