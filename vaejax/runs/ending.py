"""The last lines of a run: how long, the headline number, where to look, what to do next."""

import importlib.util
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vaejax.runs.looks import FIGURES
from vaejax.runs.metric_text import describe
from vaejax.runs.setup import Run
from vaejax.runs.units import INTERVAL

# Modes and the views that they need; --help has all.
NEXT = {
    "sample": ("noise", "from_noise"),
    "evaluate": (),
    "encode": ("encode",),
    "traverse": ("encode", "decode"),
}


def ending(
    workdir: Path, run: Run, scores: Mapping[str, Any], num_steps: int, seconds: float
) -> str:
    """What is said of a run that is at its end.

    Args:
        workdir: of the run.
        run: the run.
        scores: of its last state, by name; none where it is not evaluated.
        num_steps: that were taken now.
        seconds: they took.
    """
    told = [f"{num_steps:,} steps in {duration(seconds)}"] if num_steps else []
    told += headlines(run, scores)
    told.append(f"pictures in {workdir / FIGURES}")
    views = run.context.objective.views
    first, *others = (m for m, needed in NEXT.items() if all(getattr(views, v) for v in needed))
    command = f"python -m vaejax.main --workdir={shlex.quote(str(workdir))} --mode={first}"
    also = f"or {', '.join(others)}; " if others else ""
    lines = [f"done: {'; '.join(told)}", f"next: {command} ({also}see --help)"]
    events = workdir / "tensorboard"
    if events.is_dir() and importlib.util.find_spec("tensorboard"):
        lines.append(f"curves: tensorboard --logdir={shlex.quote(str(events))}")
    return "\n".join(lines)


def headlines(run: Run, scores: Mapping[str, Any]) -> list[str]:
    """The metric that chooses the best checkpoint, with its unit and interval; none without it."""
    best = run.settings.best_metric
    metric = best.removeprefix("-")
    if metric not in scores and best in scores:  # turned, as a checkpoint notes it
        scores = {metric: -scores[best]}
    if metric not in scores:
        return []
    known = {
        name: scores[name]
        for name in (metric, *(metric + end for end in INTERVAL))
        if name in scores
    }
    units = next((u for split, u in run.units.items() if split != "train" and metric in u), {})
    return [describe(known, units, [metric])]


def duration(seconds: float) -> str:
    """Seconds in words, "2 min 5 s"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
