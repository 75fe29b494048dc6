"""Modularity and explicitness.

Ridgeway & Mozer, "Learning Deep Disentangled Embeddings with the F-Statistic Loss", NeurIPS 2018,
section 2; constants of Locatello et al., 2019.
"""

import numpy as np

from vaejax.core.checks import check_counts
from vaejax.metrics.discrete import code_factor_information
from vaejax.metrics.inputs import checked_codes, checked_factors
from vaejax.metrics.left_out import varying
from vaejax.metrics.logistic import multinomial
from vaejax.metrics.scores import Scores, scores
from vaejax.metrics.split import Split, train_test_rows
from vaejax.metrics.standardise import nonzero, standardised
from vaejax.metrics.tracing import each, namespace, precise
from vaejax.types import AnyArray, Array


def modularity_explicitness(
    codes: AnyArray,
    factors: AnyArray,
    *,
    rng: Array,
    num_train: int = 10_000,
    num_test: int = 5_000,
    rows: Split | None = None,
    num_bins: int = 20,
) -> Scores:
    """Whether each code informs about one factor only, and whether a line reads factors off codes.

    Args:
        codes: [N, D].
        factors: [N, F] integers, F >= 2.
        rng: key, draws the rows; not traced.
        num_train: rows to fit to.
        num_test: other rows, to score explicitness on.
        rows: which to fit to and which to score on, instead of drawn ones.
        num_bins: equal-width bins per code.

    Returns:
        `modularity` and `explicitness` in [0, 1], and `explicitness_train`. A factor that does not
        vary among the rows drawn is left out.
    """
    check_counts(num_train=(num_train, 2), num_test=(num_test, 2), num_bins=(num_bins, 2))
    codes = checked_codes(codes)
    levels = checked_factors(factors, len(codes), at_least=2)
    train, test = rows or train_test_rows(rng, len(codes), num_train, num_test)
    kept = varying(
        ("rows to fit to", levels[train]), ("rows to score on", levels[test]), at_least=2
    )
    levels = levels[:, kept.columns]
    information = code_factor_information(codes[train], levels[train], num_bins)
    areas = explicitness(codes[train], levels[train], codes[test], levels[test]).mean(0)
    return scores(
        {
            "modularity": modularity(information),
            "explicitness": areas[1],
            "explicitness_train": areas[0],
        },
        left_out=kept.left_out,
        num_train=len(train),
        num_test=len(test),
        num_bins=num_bins,
    )


def modularity(information: AnyArray) -> AnyArray:
    """Mean over codes of 1 - (information beyond the best factor's, squared) / (its largest value).

    A code that informs about nothing counts 0, so codes that died lower the score.

    Args:
        information: I(z_d; v_k) [D, F], nats, F >= 2.
    """
    xp, squared = namespace(information), precise(information) ** 2
    best = squared.max(1)
    largest = best * (information.shape[1] - 1)
    modular = 1.0 - (squared.sum(1) - best) / nonzero(largest)
    return xp.where(best > 0, modular, 0.0).mean()


def explicitness(
    train_codes: AnyArray, train_levels: np.ndarray, codes: AnyArray, levels: np.ndarray
) -> AnyArray:
    """Areas under the ROC curve of logistic regression, [F, 2], on training and test rows.

    Each level against the rest, averaged over the levels that occur among the rows. One that no
    training row has is told at random, with the area 1/2.

    Args:
        train_codes, codes: [N, D], to fit and to score on.
        train_levels, levels: [N, F] in 0, 1, ...
    """
    xp, (x_train, x_test) = namespace(train_codes, codes), standardised(train_codes, codes)
    num_classes = int(max(train_levels.max(), levels.max())) + 1

    def probabilities(level: AnyArray) -> tuple[AnyArray, AnyArray]:  # [N] -> [N, K] of both sets
        model = multinomial(x_train, level, num_classes=num_classes, l2=1.0)
        return model.probabilities(x_train), model.probabilities(x_test)

    p_train, p_test = each(xp, probabilities, train_levels.T)
    areas = [
        [mean_roc_area(p, level) for p, level in zip(parts, parts_levels.T, strict=True)]
        for parts, parts_levels in ((p_train, train_levels), (p_test, levels))
    ]
    return xp.stack([xp.stack(column) for column in areas], axis=1)


def mean_roc_area(scores: AnyArray, labels: np.ndarray) -> AnyArray:
    """Mean over the classes that occur of the area under the ROC curve of each against the rest.

    The area is the share of pairs (positive, negative) in the right order, ties counted half.

    Args:
        scores: [N, K].
        labels: [N] integers in [0, K), at least two different ones.
    """
    xp, counts = namespace(scores), np.bincount(labels)
    present = np.flatnonzero(counts)
    counts = counts[present]
    # The rows of each class, all lists as long as the longest: [P, max count] and which are real.
    places = np.arange(counts.max())[None]
    real = places < counts[:, None]
    starts = np.cumsum(counts) - counts
    rows = np.argsort(labels, kind="stable")[np.where(real, starts[:, None] + places, 0)]

    def area(column: AnyArray, rows: AnyArray, real: AnyArray, count: AnyArray) -> AnyArray:
        ordered, positive = xp.sort(column), column[rows]
        not_above = 0.5 * (
            xp.searchsorted(ordered, positive, side="left")
            + xp.searchsorted(ordered, positive, side="right")
        )
        pairs = (not_above * real).sum() - 0.5 * count**2  # less those among the positives
        return pairs / (count * (len(labels) - count))

    columns = scores.T[present]
    return each(xp, area, columns, rows, real, counts.astype(scores.dtype)).mean()
