"""Scores that need no factors: how dependent codes are among themselves.

Locatello et al., "Challenging Common Assumptions in the Unsupervised Learning of Disentangled
Representations", ICML 2019, section 5.2.
"""

import numpy as np

from vaejax.metrics.discrete import discretise, paired_information
from vaejax.metrics.inputs import checked_codes
from vaejax.types import Array


def unsupervised_scores(codes: Array, *, num_bins: int = 20) -> dict:
    """Dependence between the codes that vary, by three measures; all are 0 for fewer than two.

    Args:
        codes: [N, D].
        num_bins: equal-width bins per code, for the mutual information.

    Returns:
        `gaussian_total_correlation` in nats; `gaussian_wasserstein_correlation` in squared units
        of the codes, and `gaussian_wasserstein_correlation_norm`, over the total variance;
        `mutual_info_score` in nats, the mean over pairs of codes.
    """
    codes = checked_codes(codes)
    active = codes[:, codes.max(0) > codes.min(0)]
    total_correlation = distance = relative = information = 0.0
    if active.shape[1] > 1:
        covariance = np.cov(active, rowvar=False, dtype=np.float64)
        total_correlation = gaussian_total_correlation(covariance)
        distance = gaussian_wasserstein_correlation(covariance)
        relative = distance / float(np.trace(covariance))
        # Pairs with a code that does not vary share nothing, and count.
        pairs = codes.shape[1] * (codes.shape[1] - 1)
        information = float(_pairwise_information(active, num_bins).sum() / pairs)
    return {
        "gaussian_total_correlation": total_correlation,
        "gaussian_wasserstein_correlation": distance,
        "gaussian_wasserstein_correlation_norm": relative,
        "mutual_info_score": information,
    }


def gaussian_total_correlation(covariance: np.ndarray) -> float:
    """KL(N(0, S) || N(0, diag S)) = 1/2 (sum_i log S_ii - log |S|), nats.

    In float64, and finite for codes that determine each other, whose |S| is rounding error: the
    true value is then infinite.

    Args:
        covariance: S [D, D] with a positive diagonal.
    """
    covariance = np.asarray(covariance, np.float64)
    log_determinant = np.linalg.slogdet(covariance)[1]
    floor = np.log(np.finfo(np.float64).tiny)
    return float(0.5 * (np.log(np.diag(covariance)).sum() - max(log_determinant, floor)))


def gaussian_wasserstein_correlation(covariance: np.ndarray) -> float:
    """The squared 2-Wasserstein distance between N(0, S) and N(0, diag S).

    2 tr S - 2 tr (S diag S)^1/2; that root's eigenvalues are those of the symmetric
    (diag S)^1/2 S (diag S)^1/2.

    Args:
        covariance: S [D, D].
    """
    covariance = np.asarray(covariance, np.float64)
    deviation = np.sqrt(np.diag(covariance))
    eigenvalues = np.linalg.eigvalsh(covariance * np.outer(deviation, deviation))
    return float(2 * np.trace(covariance) - 2 * np.sqrt(np.maximum(eigenvalues, 0.0)).sum())


def _pairwise_information(codes: np.ndarray, num_bins: int) -> np.ndarray:
    """I(z_i; z_j) [D, D] of discretised codes, nats, with zeros on the diagonal."""
    bins = discretise(codes, num_bins)
    information = paired_information(bins, bins, num_bins, num_bins)
    return np.asarray(information) * (1.0 - np.eye(codes.shape[1]))
