"""Disentanglement, completeness and informativeness.

Eastwood & Williams, "A Framework for the Quantitative Evaluation of Disentangled Representations",
ICLR 2018, section 2; constants of Locatello et al., 2019.

Different predictors give different scores: quote which one was used.

Trees share out an importance of 1 per factor, whether they predict it or not, and a lasso has a few
coefficients in noise: those of factors that are not predicted do not count.
"""

import math
import time
from collections.abc import Callable
from typing import Literal

import numpy as np

from vaejax.core.checks import check_counts, check_number
from vaejax.metrics.chance import better_than_guessing, more_hits_than_guessing
from vaejax.metrics.inputs import checked_codes, checked_factors
from vaejax.metrics.lasso import lasso
from vaejax.metrics.left_out import varying
from vaejax.metrics.scores import Scores, scores
from vaejax.metrics.split import Split, train_test_rows
from vaejax.metrics.standardise import nonzero, standardised
from vaejax.metrics.tracing import is_traced, namespace, precise
from vaejax.types import AnyArray, Array

Rows = np.ndarray
Predictors = tuple[AnyArray, tuple[AnyArray | float, AnyArray | float], AnyArray]
"""Importances [D, F], informativeness on rows fitted to and others, and what is predicted [F]."""


def dci(
    codes: AnyArray,
    factors: AnyArray,
    *,
    rng: Array,
    num_train: int = 10_000,
    num_test: int = 5_000,
    rows: Split | None = None,
    predictor: Literal["trees", "lasso"] = "trees",
    penalty: float = 0.01,
    say: Callable[[str], None] | None = None,
) -> Scores:
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
        say: told how long the trees will take, and of every factor when its trees are grown.

    Returns:
        `disentanglement`, `completeness`, `informativeness_test` and
        `informativeness_train` in [0, 1] (accuracies of trees, squared correlations of the
        lasso), and `importance` [D, F]; `predicted` [F], whether a factor is told better than by
        guessing, on rows not fitted to; where it is not, its importances are 0, and where none is,
        so are both scores. A factor that does not vary among the rows drawn is left out.
    """
    check_counts(num_train=(num_train, 2), num_test=(num_test, 1))
    check_number("penalty", penalty, lambda v: 0 <= v < math.inf, "a number >= 0")
    if predictor not in ("trees", "lasso"):
        raise ValueError(f"predictor: expected 'trees' or 'lasso', got {predictor!r}")
    codes = checked_codes(codes)
    levels = checked_factors(factors, len(codes), at_least=2, repeated=predictor == "trees")
    if codes.shape[1] < 2:
        raise ValueError(f"codes: expected at least 2 dimensions, got {codes.shape[1]}")
    if predictor == "trees" and is_traced(codes):
        raise ValueError("predictor: expected 'lasso' for traced codes, trees grow on the host")
    if predictor == "trees":
        (codes,) = standardised(codes)  # scikit-learn sees no differences below 1e-7
    train, test = rows or train_test_rows(rng, len(codes), num_train, num_test)
    kept = varying(
        ("rows to fit to", levels[train]), ("rows to score on", levels[test]), at_least=2
    )
    levels, fresh = levels[:, kept.columns], ~np.isin(test, train)
    if fresh.sum() < 3:
        raise ValueError(f"num_test: expected at least 3 rows not fitted to, got {fresh.sum()}")
    parts = codes[train], levels[train], codes[test], levels[test], fresh
    if predictor == "trees":
        importance, informativeness, predicted = tree_importance(*parts, say=say)
    else:
        importance, informativeness, predicted = lasso_importance(*parts, penalty=penalty)
    importance = namespace(predicted).where(predicted[None], importance, 0.0)
    return scores(
        {
            "disentanglement": disentanglement(importance),
            "completeness": completeness(importance),
            "informativeness_test": informativeness[1],
            "informativeness_train": informativeness[0],
            "importance": kept.spread(importance),
            "predicted": kept.spread(predicted[None])[0],
        },
        left_out=kept.left_out,
        predictor=predictor,
        num_train=len(train),
        num_test=len(test),
        penalty=penalty if predictor == "lasso" else None,
    )


def disentanglement(importance: AnyArray) -> AnyArray:
    """Codes' mean concentration on one factor, weighted by their importance.

    Args:
        importance: [D, F] >= 0.
    """
    return _concentration(importance)


def completeness(importance: AnyArray) -> AnyArray:
    """Factors' mean concentration on one code, weighted by their share of `importance` [D, F]."""
    return _concentration(importance.T)


def _concentration(importance: AnyArray) -> AnyArray:
    """1 - entropy of each row (base: number of columns), averaged with the rows' sums as weights.

    1e-11 within the entropy, as in the study: a row of zeros counts as spread evenly.
    """
    xp, importance = namespace(importance), precise(importance)
    p = importance + 1e-11
    p = p / p.sum(1, keepdims=True)
    concentrations = 1.0 + (p * xp.log(p)).sum(1) / np.log(p.shape[1])
    total = importance.sum()  # 0 where nothing matters
    return xp.clip(importance.sum(1) / nonzero(total) @ concentrations, 0.0, 1.0)


def tree_importance(
    train_codes: AnyArray,
    train_levels: Rows,
    codes: AnyArray,
    levels: Rows,
    fresh: Rows,
    *,
    say: Callable[[str], None] | None = None,
) -> Predictors:
    """Impurity importances [D, F] of boosted trees, and their mean training and test accuracy.

    Then which factors [F] are predicted better than by guessing, see `more_hits_than_guessing`.

    Args:
        train_codes, codes: [N, D], to fit and to score on.
        train_levels, levels: [N, F].
        fresh: which of the rows to score on are not among those fitted to, [N].
        say: told of the progress.
    """
    try:
        from sklearn.ensemble import GradientBoostingClassifier
    except ImportError as error:
        raise ImportError("dci with trees needs scikit-learn: pip install 'vaejax[metrics]'") from (
            error
        )
    progress = None if say is None else _Progress(say, train_codes, train_levels)
    importance, train, columns = [], [], []
    for y_train in train_levels.T:
        model = GradientBoostingClassifier(random_state=0).fit(train_codes, y_train)
        importance.append(model.feature_importances_)
        train.append(model.score(train_codes, y_train))
        columns.append(model.predict(codes))
        if progress is not None:
            progress.grown()
    predictions = np.stack(columns, axis=1)
    accuracies = float(np.mean(train)), float((predictions == levels).mean())
    predicted = more_hits_than_guessing(predictions[fresh], levels[fresh])
    return np.abs(np.stack(importance, axis=1)), accuracies, predicted


class _Progress:
    """What is said of trees: how many minutes, before the first one, and every factor.

    Time goes as the number of trees, one per stage and level of a factor, or one for two levels.
    That of a stage of the first factor is measured.
    """

    def __init__(self, say: Callable[[str], None], codes: AnyArray, levels: Rows):
        from sklearn.ensemble import GradientBoostingClassifier

        counts = [len(np.unique(column)) for column in levels.T]
        self._trees = np.array([1 if count == 2 else count for count in counts])
        self._say, self._num_grown, self._began = say, 0, time.perf_counter()
        GradientBoostingClassifier(random_state=0, n_estimators=1).fit(codes, levels[:, 0])
        stage, self._began = time.perf_counter() - self._began, time.perf_counter()
        stages = GradientBoostingClassifier().n_estimators
        expected = stage * stages * self._trees.sum() / self._trees[0]
        say(f"dci: trees for {len(counts)} factors, about {_duration(expected)}")

    def grown(self) -> None:
        """Another factor's trees are."""
        self._num_grown += 1
        done, all_of_them = self._trees[: self._num_grown].sum(), self._trees.sum()
        taken = time.perf_counter() - self._began
        left = taken / done * (all_of_them - done)
        told = f"dci: factor {self._num_grown} of {len(self._trees)}, after {_duration(taken)}"
        self._say(f"{told}; about {_duration(left)} to go" if left else told)


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def lasso_importance(
    train_codes: AnyArray,
    train_levels: Rows,
    codes: AnyArray,
    levels: Rows,
    fresh: Rows,
    *,
    penalty: float = 0.01,
) -> Predictors:
    """|coefficients| [D, F] of a lasso from standardised codes to standardised levels.

    Then the mean squared correlation of prediction and factor on the training and the test rows;
    and which factors [F] are predicted better than by guessing, see `better_than_guessing`.

    Args:
        train_codes, codes: [N, D], to fit and to score on.
        train_levels, levels: [N, F].
        fresh: which of the rows to score on are not among those fitted to, [N].
        penalty: alpha of `lasso`.
    """
    xp, (x_train, x) = namespace(train_codes, codes), standardised(train_codes, codes)
    (target,) = standardised(train_levels.astype(np.float64))
    weights = xp.asarray(lasso(x_train, target.astype(x_train.dtype), penalty))
    prediction = x @ weights
    train = _correlations(x_train @ weights, train_levels)
    test = _correlations(prediction, levels)
    unseen = _correlations(prediction[fresh], levels[fresh])
    predicted = better_than_guessing(unseen, int(fresh.sum()))
    return abs(weights), ((train**2).mean(), (test**2).mean()), predicted


def _correlations(a: AnyArray, b: AnyArray) -> AnyArray:
    """The correlation of each column of [N, F] with the same of [N, F]; 0 for a constant one."""
    (a,), (b,) = standardised(precise(a)), standardised(b.astype(np.float64))
    return (a * b.astype(a.dtype)).mean(0).clip(-1.0, 1.0)
