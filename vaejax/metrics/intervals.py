"""How sure one can be of a number: 95 % intervals.

By Student's t, because replicates are few: percentiles of three to five scores cover much less than
they say. Where nothing is seen to vary there is no interval (NaN), never a point.

References:
    Shao & Wu, "A General Theory for Jackknife Variance Estimation", 1989 (the delete-d jackknife;
    with d = n / 2 it is the variance over random halves).
    Conover, "Practical Nonparametric Statistics", 1999, section 3.2 (the median).
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from vaejax.types import AnyArray

LEVEL = 0.95  # probability that an interval holds what it is for


class Estimate(NamedTuple):
    """A number and how far off it may be.

    Attributes:
        value: the number.
        std: standard deviation of a single replicate; NaN for fewer than two.
        low: lower end of the interval, NaN where there is none.
        high: upper end.
    """

    value: float
    std: float
    low: float
    high: float


def mean_interval(values: AnyArray | Sequence[float]) -> Estimate:
    """The mean of independent values [R], and an interval for their expectation.

    It is exact for normal values, and nearly so for the mean of many of any law.
    """
    values = _checked(values)
    return _student(values.mean(), values, math.sqrt(len(values)))


def halves_interval(value: float, halves: AnyArray | Sequence[float]) -> Estimate:
    """A score of n images, and an interval for the expected score of n fresh ones.

    The score of a random half of the images lies as far from that of all as the latter from its
    expectation: for a mean over images of variance s^2, (2 / n - 1 / n) s^2 = s^2 / n, and so for
    every score that is nearly one. What the score itself draws is counted once, and no image
    twice, as a bootstrap does.

    Args:
        value: the score of all n images.
        halves: scores [R] of halves of them drawn without replacement. They may lie elsewhere than
            `value`, as those of fewer images do: only their spread counts.
    """
    return _student(float(value), _checked(halves), 1.0)


def median_interval(values: AnyArray | Sequence[float]) -> tuple[float, float]:
    """An interval for the median of a law of any form, from independent values [R].

    From the k-th lowest to the k-th highest value, with the largest k for which
    2 P(Binomial(R, 1/2) < k) <= 0.05; NaN for fewer than six values, which do not reach so far,
    and where the two are equal.
    """
    from scipy.special import bdtr  # slow to import

    ranked = np.sort(_checked(values))
    count = len(ranked)
    k = int((2.0 * bdtr(np.arange(count), count, 0.5) <= 1.0 - LEVEL).sum())
    if k == 0 or ranked[k - 1] == ranked[-k]:
        return math.nan, math.nan
    return float(ranked[k - 1]), float(ranked[-k])


def _checked(values: AnyArray | Sequence[float]) -> np.ndarray:
    values = np.asarray(values, np.float64)
    if values.ndim != 1 or len(values) == 0:
        raise ValueError(f"values: expected [R], got shape {values.shape}")
    return values


def _student(value: float, replicates: np.ndarray, divisor: float) -> Estimate:
    """`value`, and t times the replicates' standard deviation over `divisor` to either side."""
    from scipy.special import stdtrit  # slow to import

    value, count = float(value), len(replicates)
    if count < 2 or not np.isfinite(replicates).all():
        return Estimate(value, math.nan, math.nan, math.nan)
    if replicates.min() == replicates.max():
        return Estimate(value, 0.0, math.nan, math.nan)
    std = float(replicates.std(ddof=1))
    reach = float(stdtrit(count - 1, 0.5 * (1.0 + LEVEL))) * std / divisor
    return Estimate(value, std, value - reach, value + reach)
