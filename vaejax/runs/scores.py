"""The scores of a run's states: when they are due, how they are taken, which one counts."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax

from vaejax.evaluators import Evaluator
from vaejax.runs.config import TrainSettings
from vaejax.runs.failures import survived
from vaejax.training.state import TrainState


def is_due(step: int, settings: TrainSettings) -> bool:
    """Whether a step is evaluated, once it is saved."""
    return step > 0 and (step % settings.eval_every == 0 or step == settings.num_steps)


def scores_of(
    evaluators: Mapping[str, Evaluator],
    state: TrainState,
    workdir: Path,
    say: Callable[[str], None],
    *,
    unless: tuple[type[Exception], ...] = (),
    failed: list[str] | None = None,
    begin: Callable[[str], None] = lambda name: None,
) -> dict[str, dict[str, Any]]:
    """The scores of a state by evaluation, without those that fail, see `survived`.

    Of an evaluation that fails those are kept that it yielded before, and its name is put into
    `failed`; `begin` is told the name of each before it begins.
    """
    scores: dict[str, dict[str, Any]] = {}
    whole = set()
    for name, evaluator in evaluators.items():
        begin(name)
        with survived(f"{name} of step {int(state.step)}", workdir, say, unless=unless):
            for score, value in evaluator(state):  # here their errors surface
                scores.setdefault(name, {})[score] = jax.device_get(value)
            whole.add(name)
    if failed is not None:
        failed += [name for name in evaluators if name not in whole]
    return scores


def headline(scores: Mapping[str, Mapping[str, Any]], best: str) -> Mapping[str, Any] | None:
    """The scores of the first evaluation with the best metric, under that name too, or None.

    Args:
        scores: by evaluation.
        best: `TrainSettings.best_metric`; of one with a minus in front, the value is turned.
    """
    metric = best.removeprefix("-")
    values = next((values for values in scores.values() if metric in values), None)
    return values if values is None or metric == best else {**values, best: -values[metric]}


def is_early(step: int, settings: TrainSettings) -> bool:
    """Whether a step is drawn although it is not saved: one, well before the first that is."""
    return step > 0 and step == settings.eval_every // 10
