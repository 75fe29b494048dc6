"""Disentanglement, completeness and informativeness.

Eastwood & Williams, "A Framework for the Quantitative Evaluation of Disentangled Representations",
ICLR 2018, section 2; constants of Locatello et al., 2019.

Different predictors give different scores: quote which one was used.
"""

from typing import Literal

import numpy as np

from vaejax.metrics.inputs import checked_codes, checked_factors
from vaejax.metrics.lasso import lasso
from vaejax.metrics.split import Split, train_test_rows
from vaejax.metrics.tracing import is_traced, namespace, plain
from vaejax.types import Array

Rows = np.ndarray


def dci(
    codes: Array,
    factors: Array,
    *,
    rng: Array,
    num_train: int = 10_000,
    num_test: int = 5_000,
    rows: Split | None = None,
    predictor: Literal["trees", "lasso"] = "trees",
    penalty: float = 0.01,
) -> dict:
    """Whether each code matters for one factor, each factor for one code, and how much they tell.

    Args:
        codes: [N, D], D >= 2.
        factors: [N, F] integers, F >= 2.
        rng: key, draws the rows; not traced.
        num_train: rows to fit to.
        num_test: other rows, to score informativeness on.
        rows: which to fit to and which to score on, instead of drawn ones.
        predictor: "trees", scikit-learn's gradient boosting as in the study (minutes; needs the
            extra `metrics`), or "lasso", a linear regression to the factors' levels (milliseconds).
        penalty: of the lasso, for factors of unit variance.

    Returns:
        `disentanglement`, `completeness`, `informativeness_test` and
        `informativeness_train` in [0, 1] (accuracies of trees, squared correlations of the
        lasso), and `importance` [D, F].
    """
    codes = checked_codes(codes)
    levels = checked_factors(factors, len(codes), at_least=2)
    if codes.shape[1] < 2:
        raise ValueError(f"codes: expected at least 2 dimensions, got {codes.shape[1]}")
    if predictor not in ("trees", "lasso"):
        raise ValueError(f"predictor: expected 'trees' or 'lasso', got {predictor!r}")
    if predictor == "trees" and is_traced(codes):
        raise ValueError("predictor: expected 'lasso' for traced codes, trees grow on the host")
    train, test = rows or train_test_rows(rng, len(codes), num_train, num_test)
    parts = codes[train], levels[train], codes[test], levels[test]
    if predictor == "trees":
        importance, informativeness = tree_importance(*parts)
    else:
        importance, informativeness = lasso_importance(*parts, penalty=penalty)
    return plain(
        {
            "disentanglement": disentanglement(importance),
            "completeness": completeness(importance),
            "informativeness_test": informativeness[1],
            "informativeness_train": informativeness[0],
            "importance": importance,
        }
    )


def disentanglement(importance: Array) -> Array:
    """Codes' mean concentration on one factor, weighted by their importance.

    Args:
        importance: [D, F] >= 0.
    """
    return _concentration(importance)


def completeness(importance: Array) -> Array:
    """Factors' mean concentration on one code, weighted by their share of `importance` [D, F]."""
    return _concentration(importance.T)


def _concentration(importance: Array) -> Array:
    """1 - entropy of each row (base: number of columns), averaged with the rows' sums as weights.

    1e-11 within the entropy, as in the study: a row of zeros counts as spread evenly.
    """
    xp, p = namespace(importance), importance + 1e-11
    p = p / p.sum(1, keepdims=True)
    scores = 1.0 + (p * xp.log(p)).sum(1) / np.log(p.shape[1])
    total = importance.sum()
    weights = xp.where(total > 0, importance.sum(1) / xp.where(total > 0, total, 1.0), 1 / len(p))
    return weights @ scores


def tree_importance(
    train_codes: Rows, train_levels: Rows, codes: Rows, levels: Rows
) -> tuple[np.ndarray, tuple[float, float]]:
    """Impurity importances [D, F] of boosted trees, and their mean training and test accuracy.

    Args:
        train_codes, codes: [N, D], to fit and to score on.
        train_levels, levels: [N, F].
    """
    try:
        from sklearn.ensemble import GradientBoostingClassifier
    except ImportError as error:
        raise ImportError("dci with trees needs scikit-learn: pip install 'vaejax[metrics]'") from (
            error
        )
    importance, accuracies = [], []
    for y_train, y_test in zip(train_levels.T, levels.T, strict=True):
        model = GradientBoostingClassifier(random_state=0).fit(train_codes, y_train)
        importance.append(model.feature_importances_)
        accuracies.append((model.score(train_codes, y_train), model.score(codes, y_test)))
    train, test = np.mean(accuracies, axis=0)
    return np.abs(np.stack(importance, axis=1)), (float(train), float(test))


def lasso_importance(
    train_codes: Array, train_levels: Rows, codes: Array, levels: Rows, *, penalty: float = 0.01
) -> tuple[Array, tuple[Array, Array]]:
    """|coefficients| [D, F] of a lasso from standardised codes to standardised levels.

    The two other numbers are the mean squared correlation of prediction and factor on the training
    and the test rows.

    Args:
        train_codes, codes: [N, D], to fit and to score on.
        train_levels, levels: [N, F].
        penalty: alpha of `lasso`.
    """
    xp, deviation = namespace(train_codes, codes), train_codes.std(0)
    scale = xp.where(deviation > 0, deviation, 1.0)[None]
    x_train, x = ((z - train_codes.mean(0)[None]) / scale for z in (train_codes, codes))
    target = (train_levels - train_levels.mean(0)) / np.maximum(train_levels.std(0), 1e-12)
    weights = xp.asarray(lasso(x_train, target.astype(x_train.dtype), penalty))
    fits = ((x_train @ weights, train_levels), (x @ weights, levels))
    train, test = (_squared_correlation(*fit) for fit in fits)
    return xp.abs(weights), (train, test)


def _squared_correlation(a: Array, b: np.ndarray) -> Array:
    """Mean over columns of the squared correlation of [N, F] with [N, F]; 0 for a constant one."""
    xp, a, b = namespace(a), a - a.mean(0)[None], b - b.mean(0)[None]
    spread = (a**2).sum(0) * (b**2).sum(0)
    return ((a * b).sum(0) ** 2 / xp.where(spread > 0, spread, 1.0)).mean()
