"""How far each image's posterior covariance is from that of the aggregate posterior.

The thesis's section 5.1 (figure 5.1). Both tend to the identity as beta grows, the distance to 0.
"""

from typing import Literal

import numpy as np

from vaejax.metrics.inputs import checked_posteriors
from vaejax.metrics.scores import Scores, scores
from vaejax.metrics.standardise import centred, nonzero
from vaejax.metrics.tracing import namespace, precise
from vaejax.types import Array


def frobenius_distance(
    means: Array, log_vars: Array, *, aggregate: Literal["posterior", "means"] = "posterior"
) -> Scores:
    """F = 1/N sum_i |S_i - S|_F with S_i = diag(exp(log_var_i)) and S the aggregate's covariance.

    Args:
        means, log_vars: of the posteriors of N images, [N, D].
        aggregate: what S is of: the aggregate posterior, the mixture of all N, of which it is known
            exactly, S = 1/N sum_i S_i + Cov_i(mean_i); or of the means alone, Cov_i(mean_i).

    Returns:
        `frobenius_distance`, in squared units of the codes; at most the largest number of the
        precision.
    """
    means, log_vars = checked_posteriors(means, log_vars)
    if aggregate not in ("posterior", "means"):
        raise ValueError(f"aggregate: expected 'posterior' or 'means', got {aggregate!r}")
    xp, log_vars = namespace(means, log_vars), precise(log_vars)
    covariance = xp.atleast_2d(xp.cov(precise(centred(means)), rowvar=False, bias=True))
    # In units of the largest variance, whose square may be beyond all numbers.
    log_unit = xp.maximum(log_vars.max(), xp.log(nonzero(xp.diagonal(covariance).max())))
    variances, covariance = xp.exp(log_vars - log_unit), covariance * xp.exp(-log_unit)
    if aggregate == "posterior":  # the law of total covariance
        covariance = covariance + xp.diag(variances.mean(0))
    # |diag v - S|^2 = sum_d (v_d - S_dd)^2 + the squares off the diagonal of S
    diagonal = xp.diagonal(covariance)
    off = ((covariance - xp.diag(diagonal)) ** 2).sum()
    distance = xp.sqrt(((variances - diagonal[None]) ** 2).sum(1) + off).mean()
    log_largest = np.log(np.finfo(distance.dtype).max)
    unit = xp.exp(xp.minimum(log_unit, log_largest - xp.log(xp.maximum(distance, 1.0))))
    return scores({"frobenius_distance": distance * unit}, aggregate=aggregate)
