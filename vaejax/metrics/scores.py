"""What a metric returns: numbers by name, and the record of how they came about."""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from vaejax.metrics.tracing import is_traced


@jax.tree_util.register_pytree_node_class
class Scores(dict):
    """Numbers and arrays by name, as in any dict; how they were computed is its `record`.

    Under `jax.vmap` the numbers are those of all models, and the record holds for each.

    Attributes:
        record: the arguments that decide what the numbers mean, by name, and `left_out`: sentences,
            one for each part of the input that does not count. Ready for JSON.
    """

    def __init__(
        self, values: Mapping[str, Any] | Iterable[tuple[str, Any]], record: Mapping[str, Any]
    ):
        super().__init__(values)
        self.record = dict(record)

    def __repr__(self) -> str:
        return f"Scores({super().__repr__()}, record={self.record})"

    def tree_flatten(self) -> tuple[tuple, tuple]:
        """Values, and names with the record: a pytree of JAX, so that scores may be traced."""
        return tuple(self.values()), (tuple(self), tuple(self.record.items()))

    @classmethod
    def tree_unflatten(cls, shape: tuple, values: Iterable[Any]) -> "Scores":
        """The inverse of `tree_flatten`."""
        names, record = shape
        return cls(zip(names, values, strict=True), dict(record))


def scores(
    values: Mapping[str, Any], *, left_out: Sequence[str] = (), **conventions: Any
) -> Scores:
    """`Scores` at hand as Python's numbers and NumPy's arrays, traced ones as they are.

    What is left out is also warned of.

    Args:
        values: numbers and arrays by name.
        left_out: sentences that name the argument, the column, and the reason.
        conventions: arguments of the metric; hashable.
    """
    if left_out:
        warnings.warn(f"left out: {'; '.join(left_out)}", stacklevel=3)
    values = {name: _plain(value) for name, value in values.items()}
    return Scores(values, {**conventions, "left_out": tuple(left_out)})


def _plain(value: Any) -> Any:
    if is_traced(value):
        return value
    value = np.asarray(value)
    return value.item() if value.ndim == 0 else value
