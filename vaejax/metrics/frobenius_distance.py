"""How far each image's posterior covariance is from that of the aggregate posterior.

The thesis's section 5.1 (figure 5.1). Both tend to the identity as beta grows, the distance to 0.
"""

from typing import Literal

import numpy as np

from vaejax.metrics.draws import host_generator
from vaejax.metrics.inputs import checked_codes
from vaejax.metrics.tracing import namespace, plain, precise
from vaejax.types import Array


def frobenius_distance(
    means: Array,
    log_vars: Array,
    *,
    rng: Array,
    aggregate: Literal["samples", "means"] = "samples",
) -> dict:
    """F = 1/N sum_i |S_i - S|_F with S_i = diag(exp(log_var_i)) and S the codes' covariance.

    Args:
        means, log_vars: of the posteriors of N images, [N, D].
        rng: key, draws one sample per image; not traced.
        aggregate: S is the covariance of those samples, or of the means.

    Returns:
        `frobenius_distance`, in squared units of the codes.
    """
    means, log_vars = checked_codes(means, "means"), checked_codes(log_vars, "log_vars")
    if means.shape != log_vars.shape:
        raise ValueError(f"log_vars: expected {means.shape}, as means, got {log_vars.shape}")
    if aggregate not in ("samples", "means"):
        raise ValueError(f"aggregate: expected 'samples' or 'means', got {aggregate!r}")
    xp, codes = namespace(means, log_vars), means
    if aggregate == "samples":
        noise = host_generator(rng).standard_normal(means.shape, np.float32)
        codes = means + xp.exp(0.5 * log_vars) * noise
    covariance = xp.atleast_2d(xp.cov(precise(codes), rowvar=False))
    variances = precise(xp.exp(log_vars))
    # |diag v - S|^2 = sum_d (v_d - S_dd)^2 + the squares off the diagonal of S
    diagonal = xp.diagonal(covariance)
    off = (covariance**2).sum() - (diagonal**2).sum()
    distances = xp.sqrt(((variances - diagonal[None]) ** 2).sum(1) + off)
    return plain({"frobenius_distance": distances.mean()})
