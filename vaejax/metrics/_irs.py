"""The interventional robustness score.

Suter, Miladinovic, Schoelkopf, Bauer, "Robustly Disentangled Causal Mechanisms", ICML 2019,
section 4; constants of Locatello et al., 2019.
"""

import numpy as np

from vaejax.core.checks import check_counts
from vaejax.metrics.discrete import crowded_codes, discretise, short
from vaejax.metrics.inputs import checked_codes, checked_factors
from vaejax.metrics.left_out import lone_levels
from vaejax.metrics.scores import Scores, scores
from vaejax.metrics.standardise import centred, nonzero
from vaejax.metrics.tracing import namespace
from vaejax.types import AnyArray

QUANTILE = 0.99


def irs(codes: AnyArray, factors: AnyArray, *, num_bins: int = 20) -> Scores:
    """How little each code moves while its factor is fixed and all others change.

    Args:
        codes: [N, D].
        factors: [N, F] integers; those with more than `num_bins` levels are binned. A level of a
            single image, from whose mean no code can deviate, is left out.
        num_bins: equal-width bins per factor.

    Returns:
        `irs` in [0, 1], the mean over codes of their best factor's robustness, weighted by
        `max_deviations`; `robustness` of codes to factors [D, F]; the `max_deviations` [D]; and
        `num_active`, the codes that vary at all. The others have zeros; `irs` is 0 if none does.
    """
    check_counts(num_bins=(num_bins, 2))
    codes = checked_codes(codes)
    crowded_codes(codes, therefore="beside the largest deviations theirs hardly count")
    bins = discretise(checked_factors(factors, len(codes), repeated=False), num_bins)
    for k, column in enumerate(bins.T):
        if np.bincount(column).max() == 1:
            raise ValueError(f"factors: expected values that occur more than once, not column {k}")
    robustness, weights = interventional_robustness(codes, bins)
    best = robustness.max(1).clip(min=0.0)  # from a value's own mean a code may deviate further
    return scores(
        {
            "irs": (best * weights).sum() / nonzero(weights.sum()),
            "robustness": robustness,
            "max_deviations": weights,
            "num_active": (weights > 0).sum(),
        },
        left_out=lone_levels(bins),
        num_bins=num_bins,
    )


def interventional_robustness(codes: AnyArray, levels: AnyArray) -> tuple[AnyArray, AnyArray]:
    """1 - (typical largest deviation with a factor fixed) / (largest deviation), [D, F] and [D].

    With a factor fixed: the 0.99 quantile of |z - its mean|, averaged over the factor's values that
    occur more than once, of which there must be one.

    Args:
        codes: [N, D]; a constant one gets zeros.
        levels: [N, F] integers.
    """
    xp = namespace(codes)
    z = centred(codes).T.copy()  # codes as rows, each in one piece
    varies = z.max(1) > z.min(1)
    largest = xp.where(varies, xp.abs(z - z.mean(1, keepdims=True)).max(1), 0.0)
    fixed = xp.stack([_deviations(z, column) for column in levels.T], axis=1)  # [D, F]
    ratio = fixed / xp.where(varies, largest, 1.0)[:, None]
    return xp.where(varies[:, None], 1.0 - ratio, 0.0), largest


def _deviations(z: AnyArray, column: AnyArray) -> AnyArray:
    """The quantile of |z - its mean| within each value of one factor, averaged over values, [D]."""
    xp, counts = namespace(z), np.bincount(column)
    ends = np.cumsum(counts[counts > 0])
    order = np.argsort(short(column), kind="stable")
    groups = xp.split(xp.take(z, order, axis=1), ends[:-1], axis=1)
    groups = [group for group in groups if group.shape[1] > 1]
    return xp.stack([_quantile(xp.abs(g - g.mean(1, keepdims=True))) for g in groups]).mean(0)


def _quantile(deviations: AnyArray) -> AnyArray:
    """The 0.99 quantile of each row of [D, n], by linear interpolation, as numpy.quantile's."""
    place = QUANTILE * (deviations.shape[1] - 1)
    below = int(place)
    ranked = namespace(deviations).partition(deviations, below, axis=1)
    if place == below:
        return ranked[:, below]
    return ranked[:, below] + (place - below) * (ranked[:, below + 1 :].min(1) - ranked[:, below])
