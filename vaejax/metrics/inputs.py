"""What every metric takes, checked: codes [N, D] and ground-truth factors [N, F].

A metric never answers NaN: input it is not defined for is refused here, with the reason.
"""

import warnings

import jax.numpy as jnp
import numpy as np

from vaejax.metrics.tracing import is_traced
from vaejax.types import AnyArray

FEW_POINTS = 1000
LARGEST_CODE = 1e15  # whose sums of squares are still within float32
LARGEST_LOG_VAR = 600.0  # whose exponential's sum is still within float64
_HINT = "a continuous factor can be cut into levels by vaejax.metrics.discretise"


class NotFinite(ValueError, FloatingPointError):
    """Codes are not finite: a wrong argument, or the codes of a model that has diverged."""


def checked_codes(codes: AnyArray, name: str = "codes", *, few: int = FEW_POINTS) -> AnyArray:
    """Codes as a finite array [N, D] of float32 or float64; a warning where N is small.

    Half precision, in which neither sums nor logarithms hold, and integers are made so. Traced
    codes, as under `vmap`, are checked as far as they are known: their values are not.

    Args:
        codes: [N, D].
        name: of the argument, for messages.
        few: N below which a score is said to be unreliable.
    """
    codes = codes if is_traced(codes) else np.asarray(codes)
    if codes.ndim != 2 or codes.shape[1] == 0:
        raise ValueError(f"{name}: expected [N, D], got shape {codes.shape}")
    if len(codes) < 2:
        raise ValueError(f"{name}: expected at least 2 points, got {len(codes)}")
    dtype = _working_precision(codes, name)
    codes = codes if codes.dtype == dtype else codes.astype(dtype)
    if not is_traced(codes):
        _check_range(codes, name)
    if len(codes) < few:
        warnings.warn(
            f"{name}: {len(codes)} points; scores of fewer than {few} vary much from draw to draw",
            stacklevel=3,
        )
    return codes


def checked_posteriors(
    means: AnyArray, log_vars: AnyArray, name: str = "means"
) -> tuple[AnyArray, AnyArray]:
    """Means and log-variances of the posteriors of N images, both as `checked_codes`, [N, D].

    Args:
        means, log_vars: [N, D].
        name: of the means, for messages.
    """
    means, log_vars = checked_codes(means, name), checked_codes(log_vars, "log_vars")
    if means.shape != log_vars.shape:
        raise ValueError(f"log_vars: expected {means.shape}, as {name}, got {log_vars.shape}")
    if not is_traced(log_vars):
        _check_size(log_vars, "log_vars", LARGEST_LOG_VAR)
    return means, log_vars


def checked_factors(
    factors: AnyArray, num_points: int, *, at_least: int = 1, repeated: bool = True
) -> np.ndarray:
    """Factors as levels 0, 1, ... in the order of their values, int32 [N, F], columns contiguous.

    The combinations of levels need not form a complete grid.

    Args:
        factors: [N, F] integers.
        num_points: N, that of the codes.
        at_least: the smallest F for which the metric is defined.
        repeated: whether images of equal value are compared; then at least two values of every
            factor have to occur more than once.
    """
    factors = integer_factors(factors, num_points, at_least=at_least)
    columns, counts_of = zip(*map(_levels, np.ascontiguousarray(factors.T)), strict=True)
    for k, counts in enumerate(counts_of):
        if len(counts) == 1:
            raise ValueError(f"factors: expected at least 2 values each, column {k} is constant")
        if not repeated:
            continue
        if (counts > 1).sum() < 2:
            raise ValueError(
                f"factors: expected at least 2 values that occur more than once, column {k} has "
                f"{len(counts)} values in {num_points} rows; {_HINT}"
            )
        if 2 * (counts == 1).sum() > num_points:
            warnings.warn(
                f"factors: column {k} has {len(counts)} values in {num_points} rows, most of them "
                f"once, of which a score can say little; {_HINT}",
                stacklevel=3,
            )
    return np.stack(columns).T


def integer_factors(factors: AnyArray, num_points: int, *, at_least: int = 1) -> np.ndarray:
    """Factors as they are, [N, F] integers; arguments as `checked_factors`."""
    factors = _table(factors, num_points, at_least)
    if factors.dtype == bool:
        factors = factors.astype(np.int8)
    if not np.issubdtype(factors.dtype, np.integer):
        raise ValueError(_not_integers(factors))
    return factors


def checked_values(factors: AnyArray, num_points: int) -> np.ndarray:
    """Real-valued factors, float64 [N, F]; arguments as `checked_factors`.

    Each in units of a power of two near its largest, so that no square is too small or too large.
    """
    factors = _table(factors, num_points, 1)
    if factors.dtype.kind not in "biuf":
        raise ValueError(f"factors: expected numbers, got {factors.dtype}")
    values = factors.astype(np.float64)
    for k, (low, high) in enumerate(zip(values.min(0), values.max(0), strict=True)):
        if not np.isfinite([low, high]).all():
            raise ValueError(f"factors: expected finite numbers, column {k} has NaN or infinity")
        if low == high:
            raise ValueError(f"factors: expected at least 2 values each, column {k} is constant")
    return np.ldexp(values, -np.frexp(np.abs(values).max(0))[1][None])


def _table(factors: AnyArray, num_points: int, at_least: int) -> np.ndarray:
    if is_traced(factors):
        raise ValueError("factors: expected values at hand, got a traced array (do not map them)")
    factors = np.asarray(factors)
    if factors.ndim != 2 or len(factors) != num_points:
        raise ValueError(f"factors: expected [{num_points}, F], got shape {factors.shape}")
    if factors.shape[1] < at_least:
        raise ValueError(f"factors: expected at least {at_least}, got {factors.shape[1]}")
    return factors


def _not_integers(factors: np.ndarray) -> str:
    """Which columns have values to be numbered, and which are to be cut."""
    repeat = [2 * len(np.unique(column)) <= len(column) for column in factors.T]
    numbered, cut = (
        ", ".join(map(str, np.flatnonzero(np.equal(repeat, b)))) for b in (True, False)
    )
    return (
        f"factors: expected integers, got {factors.dtype}; values that repeat (columns "
        f"{numbered or 'none'}) are numbered by np.unique(column, return_inverse=True)[1], "
        f"continuous ones (columns {cut or 'none'}) cut into levels by vaejax.metrics.discretise"
    )


def _levels(column: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The place of each value among those that occur, int32 [N], and how often each does."""
    low, high = int(column.min()), int(column.max())
    if high - low < 2**16:  # by counting, which is many times faster than by sorting
        wide = column if column.dtype.kind == "u" else column.astype(np.int64)  # or else it wraps
        offsets = (wide - low).astype(np.int32)
        counts = np.bincount(offsets)
        if not counts.all():
            offsets = (np.cumsum(counts > 0) - 1).astype(np.int32)[offsets]
        return offsets, counts[counts > 0]
    _, levels, counts = np.unique(column, return_inverse=True, return_counts=True)
    return levels.astype(np.int32), counts


def _working_precision(codes: AnyArray, name: str) -> np.dtype:
    """float32 or float64, whichever holds the codes; of those at hand, integers too."""
    promote = jnp.promote_types if is_traced(codes) else np.promote_types
    try:
        dtype = np.dtype(promote(codes.dtype, np.float32))
    except TypeError:
        dtype = codes.dtype
    if dtype == np.longdouble:
        return np.dtype(np.float64)
    if dtype not in (np.float32, np.float64):
        raise ValueError(f"{name}: expected real numbers, got {codes.dtype}")
    return dtype


def _check_range(codes: AnyArray, name: str) -> None:
    if -LARGEST_CODE <= codes.min() <= codes.max() <= LARGEST_CODE:  # not where one is NaN
        return
    finite = np.isfinite(codes).all(0)
    if not finite.all():
        raise NotFinite(
            f"{name}: expected finite numbers, got NaN or infinity in column {finite.argmin()}"
        )
    _check_size(codes, name, LARGEST_CODE)


def _check_size(numbers: AnyArray, name: str, largest: float) -> None:
    sizes = np.abs(numbers).max(0)
    if sizes.max() > largest:
        raise NotFinite(
            f"{name}: expected numbers within +-{largest:g}, got {sizes.max():g} in size in column "
            f"{sizes.argmax()}; has the model diverged?"
        )
