"""How far each image's posterior covariance is from that of the aggregate posterior.

The thesis's section 5.1 (figure 5.1). Both tend to the identity as beta grows, the distance to 0.
"""

from typing import Literal

from vaejax.metrics.inputs import checked_codes
from vaejax.metrics.tracing import namespace, plain, precise
from vaejax.types import Array


def frobenius_distance(
    means: Array, log_vars: Array, *, aggregate: Literal["posterior", "means"] = "posterior"
) -> dict:
    """F = 1/N sum_i |S_i - S|_F with S_i = diag(exp(log_var_i)) and S the aggregate's covariance.

    Args:
        means, log_vars: of the posteriors of N images, [N, D].
        aggregate: what S is of: the aggregate posterior, the mixture of all N, of which it is known
            exactly, S = 1/N sum_i S_i + Cov_i(mean_i); or of the means alone, Cov_i(mean_i).

    Returns:
        `frobenius_distance`, in squared units of the codes.
    """
    means, log_vars = checked_codes(means, "means"), checked_codes(log_vars, "log_vars")
    if means.shape != log_vars.shape:
        raise ValueError(f"log_vars: expected {means.shape}, as means, got {log_vars.shape}")
    if aggregate not in ("posterior", "means"):
        raise ValueError(f"aggregate: expected 'posterior' or 'means', got {aggregate!r}")
    xp = namespace(means, log_vars)
    variances = precise(xp.exp(log_vars))
    covariance = xp.atleast_2d(xp.cov(precise(means), rowvar=False, bias=True))
    if aggregate == "posterior":  # the law of total covariance
        covariance = covariance + xp.diag(variances.mean(0))
    # |diag v - S|^2 = sum_d (v_d - S_dd)^2 + the squares off the diagonal of S
    diagonal = xp.diagonal(covariance)
    off = (covariance**2).sum() - (diagonal**2).sum()
    distances = xp.sqrt(((variances - diagonal[None]) ** 2).sum(1) + off)
    return plain({"frobenius_distance": distances.mean()})
