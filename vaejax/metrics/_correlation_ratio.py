"""How much of each code's variance each factor explains on its own.

    eta^2 = Var_v(E[z | v]) / Var(z)

Pearson, "On the general theory of skew correlation and non-linear regression", 1905. Where the
factors are independent, the ratios of a code sum to at most 1; what is missing is due to factors
acting together, and to noise.
"""

import jax
import numpy as np

from vaejax.metrics.discrete import short
from vaejax.metrics.inputs import checked_codes, checked_factors
from vaejax.metrics.scores import Scores, scores
from vaejax.metrics.standardise import centred, nonzero
from vaejax.metrics.tracing import is_traced, namespace, precise
from vaejax.types import AnyArray


def correlation_ratio(codes: AnyArray, factors: AnyArray) -> Scores:
    """The share of a code's variance that lies between the values of a factor.

    A code that has nothing to do with a factor of V values has (V - 1) / (N - 1) on average.

    Args:
        codes: [N, D].
        factors: [N, F] integers.

    Returns:
        `correlation_ratio` [D, F] in [0, 1]; 0 for a constant code.
    """
    codes = checked_codes(codes)
    levels, xp = checked_factors(factors, len(codes)), namespace(codes)
    z = centred(precise(codes))
    variances = xp.where(codes.max(0) > codes.min(0), (z**2).mean(0), 0.0)[:, None]
    between = xp.stack([_between(z, column) for column in levels.T], axis=1)  # [D, F]
    ratio = xp.where(variances > 0, between / nonzero(variances), 0.0)
    return scores({"correlation_ratio": xp.clip(ratio, 0.0, 1.0)})


def _between(z: AnyArray, column: np.ndarray) -> AnyArray:
    """The variance of the means of codes z [N, D] within each value of one factor, [D]."""
    counts = np.bincount(column)
    if is_traced(z):
        sums: AnyArray = jax.ops.segment_sum(z, column, num_segments=len(counts))  # [V, D]
    else:
        order = np.argsort(short(column), kind="stable")
        sums = np.add.reduceat(z[order], np.cumsum(counts) - counts)
    return (counts / len(column)) @ (sums / counts[:, None]) ** 2
