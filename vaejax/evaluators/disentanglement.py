"""Disentanglement of a model's codes: encode every image once, then look codes up for all metrics.

Higgins et al., 2017, table 1 (baselines); Locatello et al., 2019 (metrics and their constants).
"""

import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import numpy as np

from vaejax.core.checks import check_counts
from vaejax.data import Source
from vaejax.evaluators.context import Context, Evaluator, some_examples, with_units
from vaejax.evaluators.tables import BASELINES, Tables
from vaejax.metrics.asked import WhichScores, asked
from vaejax.metrics.naming import said_of
from vaejax.metrics.scoring import scored
from vaejax.metrics.table import Table, varying
from vaejax.training.state import TrainState

ENDINGS = ("", "_std", "_low", "_high")  # of the names, for what an `Estimate` holds


def disentanglement(
    context: Context,
    *,
    scores: WhichScores,
    num_images: int | None = None,
    num_points: int = 10_000,
    num_repeats: int = 5,
    baselines: Sequence[str] = (),
    batch_size: int = 256,
) -> Evaluator:
    """Metrics on the posterior means of all splits together.

    Args:
        context: of the run; its objective has the view `encode`, of one group of vectors [B, D],
            and its data ground-truth factors. Those held fixed do not count. Where the posterior is
            no Gaussian, `z` is scored.
        scores: metrics by name, with their settings: `{"mig": {"num_bins": 20}, "sap": {}}`, or
            names alone, of those in `vaejax.metrics.METRICS`. Among the settings may be a
            `num_repeats` of its own: trees (`dci`) take minutes, as is said before the first is
            grown, and are otherwise grown once, without an interval (`dci_lasso` takes
            milliseconds); and a `name`, of the metric where that is another one
            (`package.module:attribute` for one's own), or the metric itself: a `Metric`, or a
            function `(codes [N, D], factors [N, F], **settings) -> ` numbers by name.
        num_images: how many images to encode, always the same random ones; None encodes all.
        num_points: n, images that a score is of; a metric that draws rows itself has the number
            from its own arguments. All where there are fewer.
        num_repeats: R, of how many scores an interval is made: of R tables without a common image
            where there are as many images, else of R random halves. One makes none.
        baselines: codes that are scored beside the model's, of "ground_truth", "ica", "pca",
            "pixels" and "untrained"; they do not change, so only the first evaluation has them.
        batch_size: images per batch over all devices.

    Returns:
        An evaluator that yields `disentanglement/<score>`, of n images (the mean of R tables where
        there are as many); with `_std` the standard deviation of such a score of n images; with
        `_low` and `_high` a 95 % interval for the expected score of n fresh images, by Student's t
        and so not cut to the score's range, see `vaejax.metrics.estimates`. They are NaN where
        nothing was seen to vary: with one repeat, too few rows, or all scores equal.
        `disentanglement/<baseline>/<score>` likewise; and `num_images`. A score or a baseline that
        cannot be had takes no other with it: the evaluator yields the rest before it raises the
        error. Such a baseline is tried again in the next evaluation.
    """
    check_counts(num_points=(num_points, 2))
    chosen = asked(scores, num_repeats)
    for baseline in baselines:
        if baseline not in BASELINES:
            raise ValueError(f"baselines: expected some of {BASELINES}, got {baseline!r}")
    sources = [_part(source, num_images, context) for source in context.splits.values()]
    if not sources[0].factor_names:
        raise ValueError("scores: expected data with ground-truth factors, got none")
    factors_of = [source.factors(np.arange(len(source))) for source in sources]
    factors = np.concatenate(factors_of)
    columns = varying(factors)
    factors, names = factors[:, columns], [sources[0].factor_names[k] for k in columns]
    tables = Tables(
        context,
        sources,
        factors,
        batch_size,
        "disentanglement",
        gaussian=[
            f"scores.{name}"
            for name, metric, _ in chosen
            if "log_vars" in metric.takes and "log_vars" not in metric.optional
        ],
        names=names,
    )
    left = list(baselines)

    def evaluate(state: TrainState) -> Iterator[tuple[str, Any]]:
        failed: list[tuple[str, Exception]] = []
        yield from _scored("disentanglement", tables.of_model(state), failed)
        for baseline in list(left):
            num_failed = len(failed)
            try:
                table = tables.of_baseline(baseline, jax.random.key(context.seed))
            except Exception as error:  # of images that have no such codes
                failed.append((f"baseline {baseline}", error))
                continue
            yield from _scored(f"disentanglement/{baseline}", table, failed)
            if len(failed) == num_failed:
                left.remove(baseline)
        yield "num_images", len(factors)
        if failed:
            raise _together(failed) from failed[0][1]

    def _scored(
        prefix: str, table: Table, failed: list[tuple[str, Exception]]
    ) -> Iterator[tuple[str, float]]:
        notes: list[tuple[str, str]] = []
        for score, numbers, error, said in scored(
            chosen, table, context.seed, num_points=num_points
        ):
            notes += [(score, note) for note in said]
            if error is not None:
                failed.append((f"{prefix}/{score}", error))
            for name, estimate in (numbers or {}).items():
                for ending, value in zip(ENDINGS, estimate, strict=True):
                    yield f"{prefix}/{name}{ending}", value
        for note in said_of(notes, len(chosen)):  # once, not with every score
            warnings.warn(f"{prefix}: {note}", stacklevel=2)

    prefixes = ["disentanglement", *(f"disentanglement/{baseline}" for baseline in baselines)]
    units = {
        f"{prefix}/{name}{ending}": unit
        for prefix in prefixes
        for _, metric, _ in chosen
        for name, unit in metric.units
        for ending in ENDINGS
    }
    return with_units(evaluate, units)


def _together(failed: Sequence[tuple[str, Exception]]) -> Exception:
    """The error of an evaluation, from the names and errors of what failed in it."""
    text = "; ".join(f"{name}: {error}" for name, error in failed)
    diverged = any(isinstance(error, FloatingPointError) for _, error in failed)
    return FloatingPointError(text) if diverged else ValueError(text)


def _part(source: Source, num_images: int | None, context: Context) -> Source:
    """This split's share of `num_images` images."""
    if num_images is None:
        return source
    check_counts(num_images=(num_images, 2))
    total = sum(len(split) for split in context.splits.values())
    return some_examples(source, max(1, round(num_images * len(source) / total)))
