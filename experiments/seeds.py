"""Numbers of several seeds: how much one model is above another, and intervals as text."""

import math
from collections.abc import Mapping

from vaejax.metrics import mean_interval
from vaejax.metrics.intervals import Estimate


def paired_gap(of: Mapping[int, float], than: Mapping[int, float]) -> Estimate | None:
    """By how much one model's number is above another's, each by seed: the mean of differences.

    Two runs of one seed are a pair; what seeds do to both is not in the interval (95 %, Student's
    t). None where no seed has both.
    """
    seeds = sorted(of.keys() & than.keys())
    return mean_interval([of[seed] - than[seed] for seed in seeds]) if seeds else None


def interval_text(low: float, high: float, digits: int = 2) -> str:
    """` [low, high]`; nothing where there is no interval, as of a single seed."""
    return f" [{low:.{digits}f}, {high:.{digits}f}]" if math.isfinite(low) else ""
