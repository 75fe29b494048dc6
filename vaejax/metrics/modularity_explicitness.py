"""Modularity and explicitness.

Ridgeway & Mozer, "Learning Deep Disentangled Embeddings with the F-Statistic Loss", NeurIPS 2018,
section 2; constants of Locatello et al., 2019.
"""

import numpy as np

from vaejax.metrics.discrete import code_factor_information
from vaejax.metrics.inputs import checked_codes, checked_factors
from vaejax.metrics.logistic import multinomial
from vaejax.metrics.split import train_test_rows
from vaejax.types import Array


def modularity_explicitness(
    codes: Array,
    factors: Array,
    *,
    rng: Array,
    num_train: int = 10_000,
    num_test: int = 5_000,
    num_bins: int = 20,
) -> dict:
    """Whether each code informs about one factor only, and whether codes tell factors linearly.

    Args:
        codes: [N, D].
        factors: [N, F] integers, F >= 2.
        rng: key, draws the rows.
        num_train: rows to fit to.
        num_test: other rows, to score explicitness on.
        num_bins: equal-width bins per code.

    Returns:
        `modularity` and `explicitness` in [0, 1], and `explicitness_train`.
    """
    codes = checked_codes(codes)
    levels = checked_factors(factors, len(codes), at_least=2)
    train, test = train_test_rows(rng, len(codes), num_train, num_test)
    information = code_factor_information(codes[train], levels[train], num_bins)
    areas = explicitness(codes[train], levels[train], codes[test], levels[test]).mean(0)
    return {
        "modularity": modularity(np.asarray(information)),
        "explicitness": float(areas[1]),
        "explicitness_train": float(areas[0]),
    }


def modularity(information: np.ndarray) -> float:
    """Mean over codes of 1 - (information beyond the best factor's, squared) / (its largest value).

    A code that informs about nothing counts 0, so codes that died lower the score.

    Args:
        information: I(z_d; v_k) [D, F], nats, F >= 2.
    """
    squared = information.astype(np.float64) ** 2
    best = squared.max(1)
    largest = best * (information.shape[1] - 1)
    scores = 1.0 - (squared.sum(1) - best) / np.where(best > 0, largest, 1.0)
    return float(np.where(best > 0, scores, 0.0).mean())


def explicitness(
    train_codes: np.ndarray, train_levels: np.ndarray, codes: np.ndarray, levels: np.ndarray
) -> np.ndarray:
    """Areas under the ROC curve of logistic regression, [F, 2], on training and test rows.

    Each level against the rest, averaged over the levels that occur among the rows.

    Args:
        train_codes, codes: [N, D], to fit and to score on.
        train_levels, levels: [N, F] in 0, 1, ...
    """
    mean, deviation = train_codes.mean(0), train_codes.std(0)
    scale = np.where(deviation > 0, deviation, 1.0)
    x_train, x_test = (train_codes - mean) / scale, (codes - mean) / scale
    num_classes = int(max(train_levels.max(), levels.max())) + 1
    ones = np.ones(len(x_train), x_train.dtype)
    areas = []
    for y_train, y_test in zip(train_levels.T, levels.T, strict=True):
        model = multinomial(x_train, y_train, ones, num_classes=num_classes, l2=1.0)
        pairs = ((x_train, y_train), (x_test, y_test))
        areas.append([mean_roc_area(model.probabilities(x), y) for x, y in pairs])
    return np.array(areas)


def mean_roc_area(scores: Array, labels: np.ndarray) -> float:
    """Mean over the classes that occur of the area under the ROC curve of each against the rest.

    The area is the share of pairs (positive, negative) in the right order, ties counted half.

    Args:
        scores: [N, K].
        labels: [N] integers in [0, K), at least two different ones.
    """
    scores = np.asarray(scores)
    areas = []
    for label in np.unique(labels):
        column, positive = scores[:, label], scores[labels == label, label]
        ordered = np.sort(column)
        not_above = 0.5 * (
            np.searchsorted(ordered, positive, "left") + np.searchsorted(ordered, positive, "right")
        )
        num_positive = len(positive)
        pairs = not_above.sum() - 0.5 * num_positive**2  # less those among the positives
        areas.append(pairs / (num_positive * (len(labels) - num_positive)))
    return float(np.mean(areas))
