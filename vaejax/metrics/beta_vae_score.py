"""The beta-VAE metric: a linear classifier tells which factor two groups of images share.

Higgins et al., "beta-VAE", ICLR 2017, section 3; constants of Locatello et al., 2019.
"""

from functools import partial
from typing import Literal

import jax
import jax.numpy as jnp

from vaejax.metrics.draws import random_words
from vaejax.metrics.groups import FactorGroups
from vaejax.metrics.inputs import checked_codes, checked_factors
from vaejax.metrics.logistic import multinomial, one_vs_rest
from vaejax.metrics.tracing import namespace, plain
from vaejax.types import Array

CHUNK = 500  # points whose pairs are held in memory at once
Classifier = Literal["multinomial", "one_vs_rest"]


def beta_vae_score(
    codes: Array,
    factors: Array,
    *,
    rng: Array,
    num_train: int = 10_000,
    num_eval: int = 5_000,
    batch_size: int = 64,
    classifier: Classifier = "multinomial",
) -> dict:
    """Accuracy of a linear classifier from the mean difference of pairs to the factor they share.

    Args:
        codes: [N, D].
        factors: [N, F] integers, F >= 2.
        rng: key.
        num_train: points to fit the classifier to.
        num_eval: points to score it on.
        batch_size: pairs per point; both rows of a pair have the same value of the point's factor.
        classifier: "multinomial", or "one_vs_rest" as it was in the library versions of the papers.

    Returns:
        `beta_vae_score` in [0, 1] on new points, and `beta_vae_score_train`.
    """
    codes = checked_codes(codes)
    groups = FactorGroups.of(checked_factors(factors, len(codes), at_least=2))
    chunks = -(-(num_train + num_eval) // CHUNK)
    points, labels = _points(rng, codes, groups, chunks, batch_size)
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
    return plain({"beta_vae_score": accuracies[1], "beta_vae_score_train": accuracies[0]})


def classify(
    x_train: Array,
    y_train: Array,
    x_eval: Array,
    y_eval: Array,
    *,
    num_factors: int,
    classifier: Classifier = "multinomial",
) -> tuple[Array, Array]:
    """Accuracies on training and evaluation points [N, D] with labels [N], L2 penalty with C = 1.

    Args:
        x_train, x_eval: mean absolute differences of pairs.
        y_train, y_eval: the factor that pairs share.
        num_factors: number of classes.
        classifier: see `beta_vae_score`.
    """
    if classifier not in ("multinomial", "one_vs_rest"):
        raise ValueError(f"classifier: expected 'multinomial' or 'one_vs_rest', got {classifier!r}")
    fit = multinomial if classifier == "multinomial" else one_vs_rest
    model = fit(x_train, y_train, num_classes=num_factors, l2=1.0)
    return model.accuracy(x_train, y_train), model.accuracy(x_eval, y_eval)


@partial(jax.jit, static_argnums=(3, 4))
def _points(rng, codes, groups, chunks: int, batch_size: int) -> tuple[Array, Array]:
    """Points [chunks * CHUNK, D] and the factors their pairs share."""
    words = random_words(rng, (chunks, CHUNK, 2 * batch_size + 1))

    def point(words: Array) -> tuple[Array, Array]:  # [CHUNK, 2 * batch_size + 1]
        factor = (words[:, :1] % len(groups.levels)).astype(jnp.int32)
        first = groups.rows(words[:, 1 : batch_size + 1])
        second = groups.rows_like(words[:, batch_size + 1 :], first, factor)
        return jnp.abs(codes[first] - codes[second]).mean(1), factor[:, 0]

    points, labels = jax.lax.map(point, words)
    return points.reshape(-1, codes.shape[1]), labels.reshape(-1)
