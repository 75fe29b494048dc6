"""InfoM, InfoC and InfoE: modularity, compactness and explicitness as shares of information.

Hsu, Dorrell, Whittington, Wu, Finn, "Disentanglement via Latent Quantization", NeurIPS 2023,
section 4 and appendix; and the second rule of which codes are active: Hsu, Hamid, Burns, Finn, Wu,
"Tripod: Three Complementary Inductive Biases for Disentangled Representation Learning", ICML 2024.

InfoM and InfoC are of the active codes, InfoE of all, as in both papers' code.
"""

from typing import Literal

import numpy as np

from vaejax.core.checks import check_counts, check_number
from vaejax.core.randomness import named
from vaejax.metrics.chance import better_than_noise
from vaejax.metrics.discrete import crowded_codes, factor_entropies
from vaejax.metrics.inputs import checked_codes, checked_factors
from vaejax.metrics.left_out import varying
from vaejax.metrics.logistic import multinomial
from vaejax.metrics.neighbours import neighbour_information
from vaejax.metrics.scores import Scores, scores
from vaejax.metrics.split import disjoint_rows
from vaejax.metrics.standardise import deviations, nonzero, standardised
from vaejax.metrics.tracing import is_traced
from vaejax.types import AnyArray, Array

MIN_SHARE = {"range": 1 / 20, "iqr": 1 / 10}  # of the largest spread, by the rule
NEARLY_FREE = 1e-3  # L2 penalty of a regression that should have none, for a finite solution


def infomec(
    codes: AnyArray,
    factors: AnyArray,
    *,
    rng: Array,
    num_points: int = 10_000,
    num_neighbours: int = 10,
    prune: Literal["range", "iqr"] = "range",
    min_share: float | None = None,
) -> Scores:
    """Shares of the information about factors that sit in one place, and that a line can read.

    Args:
        codes: [N, D].
        factors: [N, F] integers, F >= 2.
        rng: key, draws the rows and breaks ties between equal codes.
        num_points: rows to use, of a larger table; all of a smaller one.
        num_neighbours: of the estimate of mutual information.
        prune: the spread by which codes are active: "range", or "iqr", the distance between the
            quartiles as in Tripod, which outliers do not move. The scores differ: quote the rule.
        min_share: codes whose spread is at most this share of the largest are not active; the
            rule's own, 1/20 of ranges and 1/10 of distances between quartiles, by default.

    Returns:
        `infom`, `infoc` and `infoe` in [0, 1]; `nmi` [F, D], the mutual information over the
        factor's entropy, 0 for codes that are not active; `active` [D]; `informative` [D], the
        active codes that depend on a factor at all, see `better_than_noise`. What the estimate
        finds in the others is noise, and noise is concentrated: in InfoM they count as at chance,
        0, and in InfoC nothing. Without informative codes both are 0; a single active one is as
        compact as can be. A factor is left out of which fewer than two values occur twice among
        the rows drawn, and so are codes that a code whose range is that of outliers makes inactive.
    """
    check_counts(num_points=(num_points, 2), num_neighbours=(num_neighbours, 1))
    if prune not in MIN_SHARE:
        raise ValueError(f"prune: expected 'range' or 'iqr', got {prune!r}")
    min_share = MIN_SHARE[prune] if min_share is None else min_share
    check_number("min_share", min_share, lambda v: 0 <= v < 1, "a number in [0, 1)")
    if is_traced(codes):
        raise ValueError("codes: expected values at hand, got a traced array (loop over models)")
    codes, by_range = checked_codes(codes), prune == "range"
    levels = checked_factors(factors, len(codes), at_least=2)
    if len(codes) > num_points:
        rows, _ = disjoint_rows(rng, len(codes), num_points, 0)
        codes, levels = codes[rows], levels[rows]
    kept = varying(("rows drawn", levels), at_least=2, times=2)
    levels, active = levels[:, kept.columns], active_codes(codes, prune, min_share)
    wide = crowded_codes(codes, therefore="other codes are pruned by it") if by_range else []
    pruned: AnyArray | list[int] = []
    if active[wide].any():
        pruned = np.flatnonzero(~active & (deviations(codes) > 0))
    informative = active & better_than_noise(codes, levels)
    nmi, infom, infoc = np.zeros((levels.shape[1], codes.shape[1])), 0.0, 0.0
    if active.any():
        noise_rng = named(rng, "ties")
        information = neighbour_information(codes[:, active], levels, noise_rng, num_neighbours)
        nmi[:, active] = information / factor_entropies(levels)[:, None]
    if informative.any():
        infom, infoc = concentration((nmi * informative[None])[:, active])
    return scores(
        {
            "infom": infom,
            "infoc": infoc,
            "infoe": predictive_information(codes, levels).mean(),
            "nmi": kept.spread(nmi.T).T,
            "active": active,
            "informative": informative,
        },
        left_out=(
            *kept.left_out,
            *(
                f"codes: column {d} has a small range beside that of column {wide[0]}"
                for d in pruned
            ),
        ),
        num_points=len(levels),
        num_neighbours=num_neighbours,
        prune=prune,
        min_share=min_share,
    )


def active_codes(codes: AnyArray, prune: str, min_share: float) -> np.ndarray:
    """Which codes [N, D] spread over more than a share of what the widest does, by the rule."""
    low, high = np.quantile(codes, (0.25, 0.75) if prune == "iqr" else (0.0, 1.0), axis=0)
    spread = high - low
    return (spread > min_share * spread.max()) & (spread > 0)


def concentration(nmi: np.ndarray) -> tuple[float, float]:
    """InfoM and InfoC: mean share of the largest entry of each column, each row; chance is 0.

    Args:
        nmi: [F, D] of the active codes.
    """

    def share(matrix: np.ndarray) -> float:  # of the best column, averaged over rows
        chance = 1.0 / matrix.shape[1]
        if chance == 1.0:
            return 1.0
        total = matrix.sum(1)
        shares = np.where(total > 0, matrix.max(1) / nonzero(total), chance)
        return float((shares.mean() - chance) / (1.0 - chance))

    return share(nmi.T), share(nmi)


def predictive_information(codes: AnyArray, levels: np.ndarray) -> np.ndarray:
    """1 - (cross-entropy of a linear classifier) / (that of guessing), [F], in sample, balanced.

    Args:
        codes: [N, D].
        levels: [N, F] integers.
    """
    if not deviations(codes).any():
        return np.zeros(levels.shape[1])
    (x,), shares = standardised(codes), []
    for column in levels.T:
        _, column, counts = np.unique(column, return_inverse=True, return_counts=True)
        weights = (len(column) / (len(counts) * counts))[column].astype(x.dtype)
        model = multinomial(
            x, column, num_classes=len(counts), l2=NEARLY_FREE, sample_weights=weights
        )
        p = np.asarray(model.probabilities(x))[np.arange(len(x)), column]
        cross_entropy = -np.average(np.log(np.maximum(p, 1e-30)), weights=weights)
        shares.append(1.0 - cross_entropy / np.log(len(counts)))
    return np.clip(shares, 0.0, 1.0)
