"""Modularity and explicitness.

Ridgeway & Mozer, "Learning Deep Disentangled Embeddings with the F-Statistic Loss", NeurIPS 2018,
section 2; constants of Locatello et al., 2019.
"""

import jax
import jax.numpy as jnp
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
    x_train, x_test = (
        ((x - mean) / scale).astype(np.float32) for x in (train_codes, codes)
    )
    num_classes = int(max(train_levels.max(), levels.max())) + 1

    @jax.jit
    def areas(pair: tuple[Array, Array]) -> Array:
        model = multinomial(
            x_train, pair[0], jnp.ones(len(x_train)), num_classes=num_classes, l2=1.0
        )
        return jnp.stack(
            [
                _mean_area(jax.nn.softmax(model.scores(x)), y, num_classes)
                for x, y in zip((x_train, x_test), pair, strict=True)
            ]
        )

    return np.stack([areas(pair) for pair in zip(train_levels.T, levels.T, strict=True)])


def _mean_area(scores: Array, labels: Array, num_classes: int) -> Array:
    """Mean over classes of the area under the ROC curve, from scores [N, K] and labels [N]."""

    def area(pair: tuple[Array, Array]) -> Array:
        score, label = pair
        ordered = jnp.sort(score)
        # Mann-Whitney: the rank of a positive, ties counted half, is the mean of both searches.
        below = jnp.searchsorted(ordered, score, side="left", method="sort")
        upto = jnp.searchsorted(ordered, score, side="right", method="sort")
        positive = (labels == label).astype(score.dtype)
        num_positive = positive.sum()
        num_negative = len(labels) - num_positive
        ranks = positive @ (0.5 * (below + upto)) - 0.5 * num_positive**2
        return ranks / jnp.maximum(num_positive * num_negative, 1.0)

    counts = jnp.bincount(labels, length=num_classes)
    counts_both = (counts > 0) & (counts < len(labels))
    areas = jax.lax.map(area, (scores.T, jnp.arange(num_classes)))
    return jnp.where(counts_both, areas, 0.0).sum() / jnp.maximum(counts_both.sum(), 1)
