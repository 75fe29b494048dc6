"""How far each image's posterior covariance is from that of the aggregate posterior.

The thesis's section 5.1 (figure 5.1). Both tend to the identity as beta grows, the distance to 0.
"""

from typing import Literal

from vaejax.metrics.inputs import checked_posteriors
from vaejax.metrics.scores import Scores, scores
from vaejax.metrics.standardise import bounded, centred, nonzero
from vaejax.metrics.tracing import namespace, precise
from vaejax.types import AnyArray


def frobenius_distance(
    means: AnyArray, log_vars: AnyArray, *, aggregate: Literal["posterior", "means"] = "posterior"
) -> Scores:
    """F = 1/N sum_i |S_i - S|_F with S_i = diag(exp(log_var_i)) and S the aggregate's covariance.

    Args:
        means, log_vars: of the posteriors of N images, [N, D].
        aggregate: what S is of: the aggregate posterior, the mixture of all N, of which it is known
            exactly, S = 1/N sum_i S_i + Cov_i(mean_i); or of the means alone, Cov_i(mean_i).

    Returns:
        `frobenius_distance`, in squared units of the codes.
    """
    if aggregate not in ("posterior", "means"):
        raise ValueError(f"aggregate: expected 'posterior' or 'means', got {aggregate!r}")
    means, log_vars = checked_posteriors(means, log_vars)
    xp = namespace(means, log_vars)
    variances = xp.exp(bounded(log_vars))
    covariance = xp.atleast_2d(xp.cov(precise(centred(means)), rowvar=False, bias=True))
    diagonal = xp.diagonal(covariance)
    # |S_i - S|^2 = the squares of the differences on the diagonal + those of S off it
    differences = variances - diagonal[None]  # [N, D]
    if aggregate == "posterior":  # the law of total covariance
        differences = differences - variances.mean(0)[None]
    off = covariance - xp.diag(diagonal)
    unit = nonzero(xp.maximum(abs(differences).max(), abs(off).max()))  # squares may be too large
    squares = ((differences / unit) ** 2).sum(1) + ((off / unit) ** 2).sum()
    return scores({"frobenius_distance": unit * xp.sqrt(squares).mean()}, aggregate=aggregate)
