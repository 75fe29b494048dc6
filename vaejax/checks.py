"""What constructors ask of their numbers, known or traced.

Objectives, schedules and optimisers may be built inside a traced function, with hyper-parameters
that `jax.vmap` maps over. Such a number has no value yet: what is asked of it is let through.
"""

import operator
from collections.abc import Callable
from typing import Any

import jax


def is_traced(*values: Any) -> bool:
    """Whether any of the numbers or arrays is known only when the program runs."""
    return any(isinstance(value, jax.core.Tracer) for value in values)


def check_number(name: str, value: Any, holds: Callable[[Any], bool], expected: str) -> None:
    """Raise ValueError "name: expected X, got Y" unless `holds(value)` or `value` is traced."""
    if not is_traced(value) and not holds(value):
        raise ValueError(f"{name}: expected {expected}, got {value}")


def check_counts(**counts: tuple[Any, int]) -> None:
    """Raise ValueError unless every number is an integer, and large enough.

    Args:
        counts: by name, the number and the least it may be: `check_counts(num_test=(num_test, 1))`.
    """
    for name, (value, least) in counts.items():
        check_number(name, value, _is_integer, "an integer")
        check_number(name, value, lambda value, least=least: value >= least, f"at least {least}")


def _is_integer(value: Any) -> bool:
    try:
        operator.index(value)
    except TypeError:
        return False
    return not isinstance(value, bool)
