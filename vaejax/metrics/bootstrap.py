"""How sure one can be of a mean.

Efron & Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13 (percentile intervals).
"""

import numpy as np

from vaejax.metrics.draws import host_generator
from vaejax.types import Array

NUM_RESAMPLES = 2000


def bootstrap_interval(values: Array, *, rng: Array, level: float = 0.95) -> tuple[float, float]:
    """Percentile interval of the mean of repeated scores.

    Args:
        values: [R] scores; of a single one the interval is that number.
        rng: key.
        level: probability that the interval should have.
    """
    values = np.asarray(values, np.float64)
    if values.ndim != 1 or len(values) == 0:
        raise ValueError(f"values: expected [R], got shape {values.shape}")
    if not 0.0 < level < 1.0:
        raise ValueError(f"level: expected a number in (0, 1), got {level}")
    draws = host_generator(rng).integers(len(values), size=(NUM_RESAMPLES, len(values)))
    tail = 0.5 * (1.0 - level)
    low, high = np.quantile(values[draws].mean(1), (tail, 1.0 - tail))
    return float(low), float(high)
