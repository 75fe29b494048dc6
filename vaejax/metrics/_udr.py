"""Unsupervised disentanglement ranking: models agree where they are disentangled.

Duan et al., "Unsupervised Model Selection for Variational Disentangled Representation Learning",
ICLR 2020, section 4.
"""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from vaejax.core.checks import check_number
from vaejax.metrics.inputs import NotFinite, checked_codes
from vaejax.metrics.intervals import median_interval
from vaejax.metrics.lasso import lasso
from vaejax.metrics.scores import Scores, scores
from vaejax.metrics.standardise import standardised
from vaejax.types import AnyArray

LASSO_PENALTY = 0.1


def udr(
    codes: Sequence[AnyArray],
    kls: Sequence[AnyArray],
    *,
    similarity: Literal["lasso", "spearman"] = "lasso",
    min_kl: float = 0.01,
) -> Scores:
    """How well every model's codes are predicted, one to one, by those of the other models.

    Args:
        codes: of each of M >= 2 models, [N, D_m], for the same N images.
        kls: of each model, [D_m], finite, nats per latent, averaged over images.
        similarity: of two codes: a lasso coefficient, or the rank correlation; both absolute.
        min_kl: codes with no more than this KL say nothing about the image and are left out.

    Returns:
        `udr`, the highest of the `model_scores` [M], which are medians over partners, the columns
        of `pairwise` [M, M] without their own entry: row i predicts column j (diagonal 0). All are
        in [0, 1]; a model without informative codes scores 0.
        `model_low` and `model_high` [M], a 95 % interval for the median over partners of other
        seeds, from these images, see `median_interval`: NaN for fewer than six. `udr_low` and
        `udr_high` are those of the highest score, which the choice of the highest leaves too high.
    """
    check_number("min_kl", min_kl, lambda v: 0 <= v < math.inf, "a number >= 0")
    if similarity not in ("lasso", "spearman"):
        raise ValueError(f"similarity: expected 'lasso' or 'spearman', got {similarity!r}")
    if len(codes) < 2 or len(codes) != len(kls):
        raise ValueError(
            f"codes: expected those of at least 2 models and as many kls, "
            f"got {len(codes)} and {len(kls)}"
        )
    codes = [checked_codes(z, f"codes[{m}]") for m, z in enumerate(codes)]
    alive = [_checked_kl(kls[m], z, f"kls[{m}]") > min_kl for m, z in enumerate(codes)]
    models = [standardised(z)[0] * kept[None] for z, kept in zip(codes, alive, strict=True)]
    if len({len(z) for z in models}) > 1:
        raise ValueError(f"codes: expected the same N of all, got {[len(z) for z in models]}")
    compare = lasso_similarity if similarity == "lasso" else spearman_similarity
    pairwise = np.zeros((len(models), len(models)))
    for i, a in enumerate(models):
        for j, b in enumerate(models):
            if i != j:
                matrix = compare(a, b)[np.ix_(alive[i], alive[j])]
                pairwise[i, j] = relative_strength(matrix)
    of_models, low, high = model_scores(pairwise)
    best = of_models.argmax()
    return scores(
        {
            "udr": of_models[best],
            "udr_low": low[best],
            "udr_high": high[best],
            "model_scores": of_models,
            "model_low": low,
            "model_high": high,
            "pairwise": pairwise,
        },
        similarity=similarity,
        min_kl=min_kl,
    )


def model_scores(pairwise: np.ndarray) -> np.ndarray:
    """Medians of the columns of [M, M] without their own entries, and 95 % intervals, [3, M]."""
    by_others = [np.delete(column, j) for j, column in enumerate(pairwise.T)]
    return np.array([(np.median(told), *median_interval(told)) for told in by_others]).T


def _checked_kl(kl: AnyArray, codes: AnyArray, name: str) -> np.ndarray:
    kl = np.asarray(kl)
    if kl.shape != codes.shape[1:]:
        raise ValueError(f"{name}: expected [{codes.shape[1]}], one for each code, got {kl.shape}")
    if not np.isfinite(kl).all():
        raise NotFinite(f"{name}: expected finite numbers of nats, got {kl}")
    return kl


def lasso_similarity(a: AnyArray, b: AnyArray) -> np.ndarray:
    """|coefficient| of every code of `a` [N, D] in the lasso that predicts each of `b`, [D, D']."""
    return np.abs(lasso(a, b, LASSO_PENALTY))


def spearman_similarity(a: AnyArray, b: AnyArray) -> np.ndarray:
    """|rank correlation| of every code of `a` [N, D] with every one of `b` [N, D'], [D, D']."""
    (a,), (b,) = standardised(_ranks(a)), standardised(_ranks(b))
    return np.abs(a.T @ b) / len(a)


def relative_strength(similarity: np.ndarray) -> float:
    """Mean over rows, and over columns, of max^2 / sum of [D, D'], averaged; 1 is one to one."""

    def strength(axis: int) -> float:
        total, best = similarity.sum(axis), similarity.max(axis, initial=0.0)
        ratios = best**2 / np.where(total > 0, total, 1.0)
        return float(ratios.mean()) if len(ratios) else 0.0

    return 0.5 * (strength(0) + strength(1))


def _ranks(x: AnyArray) -> np.ndarray:
    """Ranks within each column of [N, D]; equal values share the mean of theirs."""
    columns = []
    for column in x.T:
        _, inverse, counts = np.unique(column, return_inverse=True, return_counts=True)
        last = np.cumsum(counts)
        columns.append((last - 0.5 * (counts - 1))[inverse])
    return np.stack(columns, axis=1)
