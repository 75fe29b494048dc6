"""The beta-VAE metric: a linear classifier tells which factor two groups of images share.

Higgins et al., "beta-VAE", ICLR 2017, section 3; constants of Locatello et al., 2019.
"""

from functools import partial
from typing import Literal

import jax
import jax.numpy as jnp

from vaejax.core.checks import check_counts
from vaejax.metrics.draws import random_words
from vaejax.metrics.groups import FactorGroups
from vaejax.metrics.inputs import checked_codes, checked_factors
from vaejax.metrics.left_out import lone_levels
from vaejax.metrics.logistic import multinomial, one_vs_rest
from vaejax.metrics.scores import Scores, scores
from vaejax.metrics.standardise import roundable
from vaejax.metrics.tracing import namespace
from vaejax.types import AnyArray, Array

CHUNK = 500  # points whose pairs are held in memory at once
Classifier = Literal["multinomial", "one_vs_rest"]


def beta_vae_score(
    codes: AnyArray,
    factors: AnyArray,
    *,
    rng: Array,
    num_train: int = 10_000,
    num_eval: int = 5_000,
    batch_size: int = 64,
    classifier: Classifier = "multinomial",
) -> Scores:
    """Accuracy of a linear classifier from the mean difference of pairs to the factor they share.

    Args:
        codes: [N, D].
        factors: [N, F] integers, F >= 2.
        rng: key.
        num_train: points to fit the classifier to.
        num_eval: points to score it on.
        batch_size: pairs per point; the two rows of a pair have the same value of the point's
            factor. Rows that share it with no other are left out.
        classifier: "multinomial", or "one_vs_rest" as it was in the library versions of the papers.

    Returns:
        `beta_vae_score` in [0, 1] on new points, and `beta_vae_score_train`.
    """
    check_counts(num_train=(num_train, 1), num_eval=(num_eval, 1), batch_size=(batch_size, 1))
    _check_classifier(classifier)
    codes = checked_codes(codes)
    levels = checked_factors(factors, len(codes), at_least=2)
    groups, chunks = FactorGroups.of(levels), -(-(num_train + num_eval) // CHUNK)
    points, labels = _points(rng, roundable(codes), groups, chunks, batch_size)
    xp = namespace(points)
    points, labels = xp.asarray(points), xp.asarray(labels)
    train, test = slice(0, num_train), slice(num_train, num_train + num_eval)
    accuracies = classify(
        points[train],
        labels[train],
        points[test],
        labels[test],
        num_factors=len(groups.levels),
        classifier=classifier,
    )
    return scores(
        {"beta_vae_score": accuracies[1], "beta_vae_score_train": accuracies[0]},
        left_out=lone_levels(levels),
        num_train=num_train,
        num_eval=num_eval,
        batch_size=batch_size,
        classifier=classifier,
    )


def classify(
    x_train: AnyArray,
    y_train: AnyArray,
    x_eval: AnyArray,
    y_eval: AnyArray,
    *,
    num_factors: int,
    classifier: Classifier = "multinomial",
) -> tuple[AnyArray, AnyArray]:
    """Accuracies on training and evaluation points [N, D] with labels [N], L2 penalty with C = 1.

    Args:
        x_train, x_eval: mean absolute differences of pairs.
        y_train, y_eval: the factor that pairs share.
        num_factors: number of classes.
        classifier: see `beta_vae_score`.
    """
    _check_classifier(classifier)
    fit = multinomial if classifier == "multinomial" else one_vs_rest
    model = fit(x_train, y_train, num_classes=num_factors, l2=1.0)
    return model.accuracy(x_train, y_train), model.accuracy(x_eval, y_eval)


def _check_classifier(classifier: str) -> None:
    if classifier not in ("multinomial", "one_vs_rest"):
        raise ValueError(f"classifier: expected 'multinomial' or 'one_vs_rest', got {classifier!r}")


@partial(jax.jit, static_argnums=(3, 4))
def _points(rng, codes, groups, chunks: int, batch_size: int) -> tuple[AnyArray, AnyArray]:
    """Points [chunks * CHUNK, D] and the factors their pairs share."""
    words = random_words(rng, (chunks, CHUNK, 2 * batch_size + 1))

    def point(words: AnyArray) -> tuple[AnyArray, AnyArray]:  # [CHUNK, 2 * batch_size + 1]
        factor = (words[:, :1] % len(groups.levels)).astype(jnp.int32)
        first = groups.rows(words[:, 1 : batch_size + 1], factor)
        second = groups.partners(words[:, batch_size + 1 :], first, factor)
        return jnp.abs(codes[first] - codes[second]).mean(1), factor[:, 0]

    points, labels = jax.lax.map(point, words)
    return points.reshape(-1, codes.shape[1]), labels.reshape(-1)
