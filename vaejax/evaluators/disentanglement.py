"""Disentanglement of a model's codes: encode every image once, then look codes up for all metrics.

Higgins et al., 2017, table 1 (baselines); Locatello et al., 2019 (metrics and their constants).
"""

import functools
import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from vaejax import metrics
from vaejax.data import Source
from vaejax.evaluators.context import Context, Evaluator, some_examples
from vaejax.evaluators.estimates import Metric, estimates
from vaejax.evaluators.tables import BASELINES, Table, Tables, varying
from vaejax.randomness import stream
from vaejax.train_state import TrainState


def disentanglement(
    context: Context,
    *,
    scores: Mapping[str, Mapping[str, Any]],
    num_images: int | None = None,
    num_points: int = 10_000,
    num_repeats: int = 5,
    baselines: Sequence[str] = (),
    batch_size: int = 256,
) -> Evaluator:
    """Metrics of `vaejax.metrics` on the posterior means of all splits together.

    Args:
        context: of the run; its data have ground-truth factors. Those held fixed do not count.
        scores: metrics by name, with their arguments: `{"mig": {"num_bins": 20}, "sap": {}}`, among
            them a `num_repeats` of its own if need be: trees (`dci`) take minutes and are otherwise
            grown once, without an interval.
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
        and so not cut to the score's range, see `vaejax.evaluators.estimates`. They are NaN where
        nothing was seen to vary: with one repeat, too few rows, or all scores equal.
        `disentanglement/<baseline>/<score>` likewise; and `num_images`. A score or a baseline that
        cannot be had takes no other with it: the evaluator yields the rest before it raises the
        error. Such a baseline is tried again in the next evaluation.
    """
    for name, value, least in (("num_points", num_points, 2), ("num_repeats", num_repeats, 1)):
        if value < least:
            raise ValueError(f"{name}: expected at least {least}, got {value}")
    functions = {name: _checked(name, kwargs) for name, kwargs in scores.items()}
    repeats = {name: _num_repeats(name, kwargs, num_repeats) for name, kwargs in scores.items()}
    for baseline in baselines:
        if baseline not in BASELINES:
            raise ValueError(f"baselines: expected some of {BASELINES}, got {baseline!r}")
    if batch_size < 1 or batch_size % context.mesh.size:
        raise ValueError(
            f"batch_size: expected a multiple of {context.mesh.size} devices, got {batch_size}"
        )
    sources = [_part(source, num_images, context) for source in context.splits.values()]
    if not sources[0].factor_names:
        raise ValueError("scores: expected data with ground-truth factors, got none")
    factors = [source.factors(np.arange(len(source))) for source in sources]
    factors = varying(np.concatenate(factors))
    tables = Tables(context, sources, factors, batch_size)
    left = list(baselines)

    def evaluate(state: TrainState) -> Iterator[tuple[str, Any]]:
        failed: list[tuple[str, Exception]] = []
        yield from _scored("disentanglement", tables.of_model(state), failed)
        for baseline in list(left):
            num_failed = len(failed)
            try:
                table = tables.of_baseline(baseline, state, jax.random.key(context.seed))
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
        for i, (metric, function) in enumerate(functions.items()):
            rng = jax.random.fold_in(stream(context.seed, "scores"), i)
            try:
                found = estimates(
                    function, table, rng, num_points=num_points, num_repeats=repeats[metric]
                )
            except Exception as error:  # of codes or of factors that it is not defined for
                failed.append((f"{prefix}/{metric}", error))
                continue
            for name, estimate in found.items():
                yield f"{prefix}/{name}", estimate.value
                yield f"{prefix}/{name}_std", estimate.std
                yield f"{prefix}/{name}_low", estimate.low
                yield f"{prefix}/{name}_high", estimate.high

    return evaluate


def _together(failed: Sequence[tuple[str, Exception]]) -> Exception:
    """The error of an evaluation, from the names and errors of what failed in it."""
    text = "; ".join(f"{name}: {error}" for name, error in failed)
    diverged = any(isinstance(error, FloatingPointError) for _, error in failed)
    return FloatingPointError(text) if diverged else ValueError(text)


def _part(source: Source, num_images: int | None, context: Context) -> Source:
    """This split's share of `num_images` images."""
    if num_images is None:
        return source
    if num_images < 2:
        raise ValueError(f"num_images: expected at least 2 or None, got {num_images}")
    total = sum(len(split) for split in context.splits.values())
    return some_examples(source, max(1, round(num_images * len(source) / total)))


def _num_repeats(name: str, kwargs: Mapping[str, Any], num_repeats: int) -> int:
    """That of all scores, or of this one."""
    grows_trees = name == "dci" and kwargs.get("predictor", "trees") == "trees"
    own = kwargs.get("num_repeats", 1 if grows_trees else num_repeats)
    if own < 1:
        raise ValueError(f"scores.{name}.num_repeats: expected at least 1, got {own}")
    return own


def _checked(name: str, kwargs: Mapping[str, Any]) -> Metric:
    """The metric of that name with its arguments, if there is one that takes them."""
    given = {"codes", "means", "log_vars", "factors", "rng", "rows"}
    offered = {
        public: function
        for public, function in vars(metrics).items()
        if inspect.isfunction(function)
        and {"codes", "means"} & set(inspect.signature(function).parameters)
        and "kls" not in inspect.signature(function).parameters  # udr compares several models
    }
    if name not in offered:
        raise ValueError(f"scores: expected some of {sorted(offered)}, got {name!r}")
    valid = [key for key in inspect.signature(offered[name]).parameters if key not in given]
    kwargs = {key: value for key, value in kwargs.items() if key != "num_repeats"}
    for key in kwargs:
        if key not in valid:
            raise ValueError(f"scores.{name}.{key}: unknown; expected some of {valid}")
    function = functools.partial(offered[name], **kwargs)
    # Arguments are checked before codes: with none of these, nothing is wrong but the arguments.
    nothing = dict.fromkeys(given & set(inspect.signature(offered[name]).parameters), np.empty(0))
    try:
        function(**nothing)
    except (TypeError, ValueError) as error:
        if not str(error).startswith(("codes:", "means:")):
            raise ValueError(f"scores.{name}.{error}") from error
    return function
