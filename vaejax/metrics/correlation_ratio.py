"""How much of each code's variance each factor explains on its own.

    eta^2 = Var_v(E[z | v]) / Var(z)

Pearson, "On the general theory of skew correlation and non-linear regression", 1905. Where the
factors are independent, the ratios of a code sum to at most 1; what is missing is due to factors
acting together, and to noise.
"""

import numpy as np

from vaejax.metrics.inputs import checked_codes, checked_factors
from vaejax.metrics.tracing import namespace, plain, precise
from vaejax.types import Array


def correlation_ratio(codes: Array, factors: Array) -> dict:
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
    centred = precise(codes - codes.mean(0)[None])
    variances = (centred**2).mean(0)
    between = xp.stack([_between(centred, column) for column in levels.T], axis=1)  # [D, F]
    varies = (codes.max(0) > codes.min(0))[:, None]
    ratio = between / xp.where(varies, variances[:, None], 1.0)
    return plain({"correlation_ratio": xp.where(varies, xp.clip(ratio, 0.0, 1.0), 0.0)})


def _between(centred: Array, column: np.ndarray) -> Array:
    """The variance of the means within each value of one factor, [D]."""
    belongs = column == np.unique(column)[:, None]  # [V, N]
    counts = belongs.sum(1)
    means = (belongs / counts[:, None]) @ centred  # [V, D]
    return (counts / len(column)) @ means**2
