"""Codes about their mean, and in units of their deviation, however far from 0 they lie.

The mean that float32 sums give of numbers far from 0 has lost the digits by which they differ. At
hand it is summed in float64. Traced, it serves as a first guess: numbers less a near one are exact,
and so is the mean of what is left.
"""

import numpy as np

from vaejax.metrics.tracing import is_traced, namespace, precise
from vaejax.types import AnyArray


def centred(codes: AnyArray) -> AnyArray:
    """Codes [N, D] less their means [D] as their own precision holds those."""
    if not is_traced(codes):
        return codes - codes.mean(0, dtype=np.float64).astype(codes.dtype)[None]
    codes = codes - codes.mean(0)[None]
    return codes - codes.mean(0)[None]


def roundable(codes: AnyArray) -> AnyArray:
    """Codes [N, D] whose differences survive rounding to float32: those in float64 are centred."""
    return codes if codes.dtype == np.float32 else centred(codes)


def standardised(codes: AnyArray, *others: AnyArray) -> tuple[AnyArray, ...]:
    """Codes [N, D] with means 0 and deviations 1, and other codes moved and scaled the same way.

    A code that does not vary is only moved.
    """
    xp, parts = namespace(codes, *others), [precise(z) for z in (codes, *others)]
    for _ in range(2 if is_traced(codes) else 1):
        mean = parts[0].mean(0)[None]
        parts = [z - mean for z in parts]
    scale = nonzero(deviations(parts[0]))[None]
    return tuple(xp.asarray(z / scale, codes.dtype) for z in parts)


def deviations(codes: AnyArray) -> AnyArray:
    """Standard deviations [D] of codes [N, D], exactly 0 where a code does not vary."""
    xp = namespace(codes)
    return xp.where(codes.max(0) > codes.min(0), precise(codes).std(0), 0.0)


def bounded(log_vars: AnyArray) -> AnyArray:
    """Log-variances [N, D] of which N exponentials can be summed: larger ones count as the largest.

    At hand none is larger, `checked_posteriors` has refused it.
    """
    log_vars = precise(log_vars)
    largest = np.log(np.finfo(log_vars.dtype).max / (8 * len(log_vars)))
    return namespace(log_vars).minimum(log_vars, largest)


def nonzero(scale: AnyArray) -> AnyArray:
    """A scale with its zeros replaced by ones, to be divided by."""
    return namespace(scale).where(scale > 0, scale, 1.0)
