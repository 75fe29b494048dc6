"""The scores that somebody asks for: metrics by name with their settings, looked at beforehand."""

import functools
import inspect
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from vaejax.core.checks import check_counts
from vaejax.core.importing import imported, is_imported
from vaejax.core.names import nearest
from vaejax.metrics.records import METRICS, Metric

WhichScores = Mapping[str, Mapping[str, Any]] | Sequence[str]
"""Metrics by name with their settings, or names alone: `{"mig": {"num_bins": 10}}`, `["mig"]`."""


class Asked(NamedTuple):
    """A score that is asked for.

    Attributes:
        name: that it is called by.
        metric: with its settings bound.
        num_repeats: of how many scores its interval is made.
    """

    name: str
    metric: Metric
    num_repeats: int


def asked(scores: WhichScores, num_repeats: int) -> list[Asked]:
    """What is asked for, if there are such metrics and they take these settings.

    Args:
        scores: metrics by name, see `vaejax.evaluators.disentanglement`.
        num_repeats: of a score that does not say its own, and does not take minutes.

    Raises:
        ValueError: an unknown metric, with the nearest name, or settings it does not take.
    """
    check_counts(num_repeats=(num_repeats, 1))
    if isinstance(scores, str):
        scores = [name.strip() for name in scores.split(",") if name.strip()]
    given = scores if isinstance(scores, Mapping) else {name: {} for name in scores}
    if not given:
        raise ValueError(f"scores: expected some of {sorted(METRICS)}, got none")
    found = []
    for name, settings in given.items():
        metric = _checked(name, settings)
        found.append(Asked(name, metric, _repeats(name, settings, metric, num_repeats)))
    return found


def _checked(name: str, kwargs: Mapping[str, Any]) -> Metric:
    """A metric with its settings, if there is one that takes them."""
    metric = kwargs.get("name", name)
    if is_imported(metric):
        try:
            metric = imported(metric)
        except ValueError as error:
            raise ValueError(f"scores.{name}.name: {error}") from error
    if isinstance(metric, str):
        if metric not in METRICS:
            raise ValueError(
                f"scores: expected some of {sorted(METRICS)}, got {metric!r}; did you mean "
                f"{nearest(metric, METRICS)!r}?"
            )
        metric = METRICS[metric]
    elif not isinstance(metric, Metric):
        if not callable(metric):
            raise ValueError(f"scores.{name}.name: expected a metric, got {metric!r}")
        metric = Metric(metric)
    settings = {key: value for key, value in kwargs.items() if key not in ("name", "num_repeats")}
    for key in settings:
        if key not in metric.settings:
            raise ValueError(
                f"scores.{name}.{key}: unknown; expected some of {list(metric.settings)}"
            )
    parameters = list(inspect.signature(metric.function).parameters.values())[len(metric.takes) :]
    required = [p.name for p in parameters if p.default is p.empty and p.kind not in (2, 4)]
    for key in required:  # of which *args and **kwargs are none
        if key not in {*settings, "rows", *["rng"] * metric.draws}:
            hint = "; a `Metric` that draws is given one" if key == "rng" else ""
            raise ValueError(f"scores.{name}.{key}: expected a value, got none{hint}")
    with_settings = metric._replace(function=functools.partial(metric.function, **settings))
    if metric in METRICS.values():
        _check_settings(name, with_settings)
    return with_settings


def _check_settings(name: str, metric: Metric) -> None:
    """Raise ValueError where a metric of the library refuses its settings.

    They are checked before codes: with none of these, nothing is wrong but the settings.
    """
    nothing = {"rng", "rows"} & set(inspect.signature(metric.function).parameters)
    try:
        metric(*[np.empty(0)] * len(metric.takes), **dict.fromkeys(nothing, np.empty(0)))
    except (TypeError, ValueError) as error:
        if not str(error).startswith(("codes:", "means:")):
            raise ValueError(f"scores.{name}.{error}") from error


def _repeats(name: str, kwargs: Mapping[str, Any], metric: Metric, num_repeats: int) -> int:
    """That of all scores, or of this one."""
    own = kwargs.get("num_repeats", 1 if metric.slow(metric.settings) else num_repeats)
    check_counts(**{f"scores.{name}.num_repeats": (own, 1)})
    return own
