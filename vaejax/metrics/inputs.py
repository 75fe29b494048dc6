"""What every metric takes, checked: codes [N, D] and ground-truth factors [N, F].

A metric never answers NaN: input it is not defined for is refused here, with the reason.
"""

import warnings

import numpy as np

from vaejax.types import Array

FEW_POINTS = 1000


def checked_codes(codes: Array | np.ndarray, name: str = "codes", *, few: int = FEW_POINTS):
    """Codes as a finite float array [N, D] on the host; a warning where N is small.

    Args:
        codes: [N, D].
        name: of the argument, for messages.
        few: N below which a score is said to be unreliable.
    """
    codes = np.asarray(codes)
    if codes.ndim != 2 or 0 in codes.shape:
        raise ValueError(f"{name}: expected [N, D], got shape {codes.shape}")
    if not np.issubdtype(codes.dtype, np.floating):
        codes = codes.astype(np.float32)
    if not np.isfinite(codes).all():
        raise ValueError(f"{name}: expected finite numbers, got NaN or infinity")
    if len(codes) < few:
        warnings.warn(
            f"{name}: {len(codes)} points; scores of fewer than {few} vary much from draw to draw",
            stacklevel=3,
        )
    return codes


def checked_factors(factors: Array | np.ndarray, num_points: int, *, at_least: int = 1):
    """Factors as levels 0, 1, ... in the order of their values, int32 [N, F].

    The combinations of levels need not form a complete grid.

    Args:
        factors: [N, F] integers.
        num_points: N, that of the codes.
        at_least: the smallest F for which the metric is defined.
    """
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
    columns = [np.unique(column, return_inverse=True)[1] for column in _small(factors).T]
    for i, column in enumerate(columns):
        if column.max() == 0:
            raise ValueError(f"factors: expected at least 2 values each, column {i} is constant")
    return np.stack(columns, axis=1).astype(np.int32)


def num_levels(levels: np.ndarray) -> tuple[int, ...]:
    """How many levels each factor of [N, F] has."""
    return tuple(int(size) for size in levels.max(0) + 1)


def _small(factors: np.ndarray) -> np.ndarray:
    """The same order of values in 16 bits where they fit, which sort many times faster."""
    offset = factors - factors.min(0, keepdims=True)
    return offset.astype(np.uint16) if offset.max() < 2**16 else offset
