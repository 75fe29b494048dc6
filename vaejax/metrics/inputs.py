"""What every metric takes, checked: codes [N, D] and ground-truth factors [N, F].

A metric never answers NaN: input it is not defined for is refused here, with the reason.
"""

import warnings

import numpy as np

from vaejax.metrics.tracing import is_traced
from vaejax.types import Array

FEW_POINTS = 1000


class NotFinite(ValueError, FloatingPointError):
    """Codes are not finite: a wrong argument, or the codes of a model that has diverged."""


def checked_codes(codes: Array | np.ndarray, name: str = "codes", *, few: int = FEW_POINTS):
    """Codes as a finite float array [N, D]; a warning where N is small.

    Traced codes, as under `vmap`, are checked as far as they are known: their values are not.

    Args:
        codes: [N, D].
        name: of the argument, for messages.
        few: N below which a score is said to be unreliable.
    """
    codes = codes if is_traced(codes) else np.asarray(codes)
    if codes.ndim != 2 or 0 in codes.shape:
        raise ValueError(f"{name}: expected [N, D], got shape {codes.shape}")
    if not np.issubdtype(codes.dtype, np.floating):
        codes = codes.astype(np.float32)
    if not is_traced(codes) and not np.isfinite(codes).all():
        raise NotFinite(f"{name}: expected finite numbers, got NaN or infinity")
    if len(codes) < few:
        warnings.warn(
            f"{name}: {len(codes)} points; scores of fewer than {few} vary much from draw to draw",
            stacklevel=3,
        )
    return codes


def checked_factors(factors: Array | np.ndarray, num_points: int, *, at_least: int = 1):
    """Factors as levels 0, 1, ... in the order of their values, int32 [N, F], columns contiguous.

    The combinations of levels need not form a complete grid.

    Args:
        factors: [N, F] integers.
        num_points: N, that of the codes.
        at_least: the smallest F for which the metric is defined.
    """
    if is_traced(factors):
        raise ValueError("factors: expected values at hand, got a traced array (do not map them)")
    factors = np.asarray(factors)
    if factors.ndim != 2 or len(factors) != num_points:
        raise ValueError(f"factors: expected [{num_points}, F], got shape {factors.shape}")
    if not np.issubdtype(factors.dtype, np.integer):
        raise ValueError(
            f"factors: expected integers, got {factors.dtype}; continuous factors can be cut into "
            "levels by vaejax.metrics.discretise"
        )
    if factors.shape[1] < at_least:
        raise ValueError(f"factors: expected at least {at_least}, got {factors.shape[1]}")
    levels = np.stack([_levels(column) for column in np.ascontiguousarray(factors.T)]).T
    for i, highest in enumerate(levels.max(0)):
        if highest == 0:
            raise ValueError(f"factors: expected at least 2 values each, column {i} is constant")
    return levels


def _levels(column: np.ndarray) -> np.ndarray:
    """The place of each value among those that occur, int32 [N]."""
    low, high = int(column.min()), int(column.max())
    if high - low < 2**16:  # by counting, which is many times faster than by sorting
        offsets = (column - low).astype(np.int32)
        occurs = np.bincount(offsets) > 0
        return offsets if occurs.all() else (np.cumsum(occurs) - 1).astype(np.int32)[offsets]
    return np.unique(column, return_inverse=True)[1].astype(np.int32)
