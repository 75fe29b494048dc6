"""The interventional robustness score.

Suter, Miladinovic, Schoelkopf, Bauer, "Robustly Disentangled Causal Mechanisms", ICML 2019,
section 4; constants of Locatello et al., 2019.
"""

import numpy as np

from vaejax.metrics.discrete import discretise
from vaejax.metrics.inputs import checked_codes, checked_factors
from vaejax.types import Array

QUANTILE = 0.99


def irs(codes: Array, factors: Array, *, num_bins: int = 20) -> dict:
    """How little each code moves while its factor is fixed and all others change.

    Args:
        codes: [N, D].
        factors: [N, F] integers; those with more than `num_bins` levels are binned.
        num_bins: equal-width bins per factor.

    Returns:
        `irs` in [0, 1], the mean over codes of their best factor's robustness, weighted by
        `max_deviations`; `robustness` of codes to factors; and `num_active`, the codes that vary
        at all, to which the two arrays [num_active, F] and [num_active] belong. 0 if none does.
    """
    codes = checked_codes(codes)
    levels = checked_factors(factors, len(codes))
    codes = codes[:, codes.max(0) > codes.min(0)]
    if codes.shape[1] == 0:
        empty = np.zeros((0, levels.shape[1]))
        return {"irs": 0.0, "robustness": empty, "max_deviations": empty[:, 0], "num_active": 0}
    robustness, weights = interventional_robustness(codes, np.asarray(discretise(levels, num_bins)))
    return {
        "irs": float(np.average(robustness.max(1), weights=weights)),
        "robustness": robustness,
        "max_deviations": weights,
        "num_active": codes.shape[1],
    }


def interventional_robustness(
    codes: np.ndarray, levels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """1 - (typical largest deviation with a factor fixed) / (largest deviation), [D, F] and [D].

    With a factor fixed: the 0.99 quantile of |z - its mean|, averaged over the factor's values.

    Args:
        codes: [N, D], none constant.
        levels: [N, F] integers.
    """
    codes = codes.astype(np.float64)
    max_deviations = np.abs(codes - codes.mean(0)).max(0)
    fixed = np.stack([_deviations(codes, column) for column in levels.T], axis=1)
    return 1.0 - fixed / max_deviations[:, None], max_deviations


def _deviations(codes: np.ndarray, column: np.ndarray) -> np.ndarray:
    """The quantile of |z - its mean| within each value of one factor, averaged over values, [D]."""
    ends = np.cumsum(np.unique(column, return_counts=True)[1])
    ordered = np.ascontiguousarray(codes[np.argsort(column, kind="stable")].T)  # [D, N]
    groups = np.split(ordered, ends[:-1], axis=1)
    return np.mean([_quantile(np.abs(z - z.mean(1, keepdims=True))) for z in groups], axis=0)


def _quantile(deviations: np.ndarray) -> np.ndarray:
    """The 0.99 quantile of each row of [D, n], by linear interpolation, as numpy.quantile's."""
    place = QUANTILE * (deviations.shape[1] - 1)
    below, above = int(np.floor(place)), int(np.ceil(place))
    ranked = np.partition(deviations, (below, above), axis=1)
    return ranked[:, below] + (place - below) * (ranked[:, above] - ranked[:, below])
