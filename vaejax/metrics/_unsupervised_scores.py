"""Scores that need no factors: how dependent codes are among themselves.

Locatello et al., "Challenging Common Assumptions in the Unsupervised Learning of Disentangled
Representations", ICML 2019, section 5.2.
"""

import numpy as np

from vaejax.core.checks import check_counts
from vaejax.metrics.discrete import binned, paired_information
from vaejax.metrics.inputs import checked_codes
from vaejax.metrics.scores import Scores, scores
from vaejax.metrics.standardise import centred, nonzero
from vaejax.metrics.tracing import namespace, precise
from vaejax.types import AnyArray


def unsupervised_scores(codes: AnyArray, *, num_bins: int = 20) -> Scores:
    """Dependence between the codes that vary, by three measures; all are 0 for fewer than two.

    Args:
        codes: [N, D].
        num_bins: equal-width bins per code, for the mutual information.

    Returns:
        `gaussian_total_correlation` in nats; `gaussian_wasserstein_correlation` in squared units
        of the codes, and `gaussian_wasserstein_correlation_norm`, over the total variance;
        `mutual_info_score` in nats, the mean over pairs of codes.
    """
    check_counts(num_bins=(num_bins, 2))
    codes = checked_codes(codes)
    xp, dim = namespace(codes), codes.shape[1]
    covariance = xp.cov(precise(centred(codes)), rowvar=False).reshape(dim, dim)
    active = (codes.max(0) > codes.min(0)) & (xp.diagonal(covariance) > 0)
    # A code that does not vary is independent of all others, whatever its variance.
    both = active[:, None] & active[None]
    total = (xp.diagonal(covariance) * active).sum()
    distance = gaussian_wasserstein_correlation(xp.where(both, covariance, 0.0))
    bins = binned(codes, num_bins)
    information = paired_information(bins, bins, num_bins, num_bins) * (1.0 - np.eye(dim))
    return scores(
        {
            "gaussian_total_correlation": gaussian_total_correlation(
                xp.where(both, covariance, xp.eye(dim))
            ),
            "gaussian_wasserstein_correlation": distance,
            "gaussian_wasserstein_correlation_norm": distance / nonzero(total),
            "mutual_info_score": information.sum() / max(dim * (dim - 1), 1),
        },
        num_bins=num_bins,
    )


def gaussian_total_correlation(covariance: AnyArray) -> AnyArray:
    """KL(N(0, S) || N(0, diag S)) = -1/2 log |R|, nats, with R the correlations that S implies.

    Finite also for codes that determine each other, whose |R| is rounding error: the true value
    is then infinite.

    Args:
        covariance: S [D, D] with a positive diagonal.
    """
    xp, covariance = namespace(covariance), precise(covariance)
    deviation = xp.sqrt(xp.diagonal(covariance))
    log_determinant = xp.linalg.slogdet(covariance / deviation[:, None] / deviation[None])[1]
    floor = len(covariance) * np.log(np.finfo(covariance.dtype).eps)
    return -0.5 * xp.maximum(log_determinant, floor)


def gaussian_wasserstein_correlation(covariance: AnyArray) -> AnyArray:
    """The squared 2-Wasserstein distance between N(0, S) and N(0, diag S).

    2 tr S - 2 tr (S diag S)^1/2; that root's eigenvalues are those of the symmetric
    (diag S)^1/2 S (diag S)^1/2.

    Args:
        covariance: S [D, D].
    """
    xp, covariance = namespace(covariance), precise(covariance)
    unit = nonzero(xp.diagonal(covariance).max())  # whose square may be too large, or too small
    covariance = covariance / unit
    deviation = xp.sqrt(xp.diagonal(covariance))
    eigenvalues = xp.linalg.eigvalsh(covariance * xp.outer(deviation, deviation))
    distance = 2 * xp.trace(covariance) - 2 * xp.sqrt(xp.maximum(eigenvalues, 0.0)).sum()
    return unit * xp.maximum(distance, 0.0)
