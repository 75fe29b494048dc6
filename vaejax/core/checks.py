"""What constructors ask of their numbers, known or traced.

Objectives, schedules and optimisers may be built inside a traced function, with hyper-parameters
that `jax.vmap` maps over. Such a number has no value yet: what is asked of it is let through.
"""

import functools
import math
import operator
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def is_traced(*values: Any) -> bool:
    """Whether any of the numbers or arrays is known only when the program runs."""
    return any(isinstance(value, jax.core.Tracer) for value in values)


def is_number(value: Any) -> bool:
    """Whether a value is a real number of Python, NumPy or JAX; text and truth values are none."""
    if isinstance(value, np.generic | np.ndarray | jax.Array):
        real = jnp.issubdtype(value.dtype, jnp.floating) or jnp.issubdtype(value.dtype, jnp.integer)
        return real and np.ndim(value) == 0
    return isinstance(value, int | float) and not isinstance(value, bool)


def check_number(
    name: str,
    value: Any,
    holds: Callable[[Any], bool],
    expected: str,
    *,
    finite: bool = True,
) -> None:
    """Raise ValueError "name: expected X, got Y" unless a number is fit or traced.

    Args:
        name: of the argument.
        value: its value.
        holds: whether a number is fit; never asked of what is none, or of NaN.
        expected: what is, in words.
        finite: infinity is unfit, whatever `holds` says of it.
    """
    if is_traced(value):
        return
    if not is_number(value):
        raise ValueError(f"{name}: expected {expected}, got {value!r}")
    endless = finite and value in (math.inf, -math.inf)
    if value != value or endless or not holds(value):  # only NaN differs from itself
        raise ValueError(f"{name}: expected {expected}, got {value}")


def check_schedule(
    name: str, schedule: Callable[[Any], Any], holds: Callable[[Any], bool], expected: str
) -> None:
    """As `check_number`, of a schedule's values at the first step and at one beyond any run."""
    for step in (0, 10**9):
        check_number(name, schedule(step), holds, f"{expected}, at step {step} too")


def check_counts(**counts: tuple[Any, int]) -> None:
    """Raise ValueError unless every number is an integer, and large enough.

    Args:
        counts: by name, the number and the least it may be: `check_counts(num_test=(num_test, 1))`.
    """
    for name, (value, least) in counts.items():
        check_number(name, value, _is_integer, "an integer")
        check_number(name, value, functools.partial(operator.le, least), f"at least {least}")


def _is_integer(value: Any) -> bool:
    try:
        operator.index(value)
    except TypeError:
        return False
    return not isinstance(value, bool)
