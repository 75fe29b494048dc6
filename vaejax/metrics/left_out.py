"""What a score leaves out, because the rows at hand do not say anything about it."""

from typing import NamedTuple

import numpy as np

from vaejax.metrics.tracing import namespace
from vaejax.types import AnyArray


class Kept(NamedTuple):
    """The factors that a score is of.

    Attributes:
        columns: [K] of the F columns of factors.
        left_out: why each of the others is not, in a sentence.
        num_factors: F.
    """

    columns: np.ndarray
    left_out: tuple[str, ...]
    num_factors: int

    def spread(self, values: AnyArray) -> AnyArray:
        """Values [D, K] of the columns in their places among all [D, F], the others 0."""
        xp, place = namespace(values), np.full(self.num_factors, len(self.columns))
        place[self.columns] = np.arange(len(self.columns))
        padded = xp.concatenate([values, xp.zeros_like(values[:, :1])], axis=1)
        return xp.take(padded, place, axis=1)


def varying(*parts: tuple[str, AnyArray], at_least: int = 1, times: int = 1) -> Kept:
    """The factors that take more than one value in each of some sets of rows.

    Args:
        parts: what a set of rows is called, and the factors [n, F] in it.
        at_least: the smallest number of factors for which the score is defined.
        times: how often a value has to occur to count.
    """
    num_factors = parts[0][1].shape[1]
    reasons: dict[int, str] = {}
    counted = "value" if times == 1 else f"value that occurs {times} times"
    for where, factors in parts:
        for k, column in enumerate(factors.T):
            number = int((np.unique(column, return_counts=True)[1] >= times).sum())
            if number < 2:
                reasons.setdefault(
                    k, f"factors: column {k} has {number or 'no'} {counted} in the {where}"
                )
    columns = np.array([k for k in range(num_factors) if k not in reasons], int)
    kept = Kept(columns, tuple(reasons[k] for k in sorted(reasons)), num_factors)
    if len(columns) < at_least:
        raise ValueError(
            f"factors: expected at least {at_least} that vary in the rows drawn, got "
            f"{len(columns)}; {'; '.join(kept.left_out)}"
        )
    return kept


def lone_levels(levels: AnyArray) -> tuple[str, ...]:
    """A sentence for each of the factors [N, F] of which some levels occur once only."""
    lone = [int((np.bincount(column) == 1).sum()) for column in levels.T]
    return tuple(
        f"factors: {number} values of column {k} that occur once"
        for k, number in enumerate(lone)
        if number
    )
