"""`--mode=collapse`: whether and where the posterior of a run has collapsed, and since when."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import ml_collections
import numpy as np

from vaejax import evaluators
from vaejax.core.files import write_whole
from vaejax.evaluators import Evaluator
from vaejax.metrics import Collapse, collapse, collapse_sentence
from vaejax.runs.config import ConfigError
from vaejax.runs.metric_lines import METRICS_FILE, TRAIN, read_lines
from vaejax.runs.modes import Which, restored
from vaejax.runs.setup import Run

SPLITS = ("test", "validation")  # to look at, the first there is
SHOWN = 6  # of the steps that a run logged


class Logged(NamedTuple):
    """What a run logged of its groups at a step."""

    step: int
    found: Collapse


def report(config: ml_collections.ConfigDict, workdir: Path, which: Which = "latest") -> dict:
    """Print what each group of a run carries, over time and in a checkpoint, and one sentence.

    Args:
        config: of the run; an evaluation `collapse` that it has is the one that is made.
        workdir: of the run; receives `collapse_<step>.json`.
        which: checkpoint.

    Returns:
        What is written there: `sentence`, `step`, `scores`, and `history`, a list of `step` and
        `kl` [G], nats.

    Raises:
        ConfigError: the run cannot be restored, or its model has no such codes.
    """
    run, state = restored(config, workdir, which)
    scores = dict(_evaluator(run)(state))
    found = _of(scores)
    logged = history(read_lines(workdir / METRICS_FILE)[0], len(found.kl))
    step = int(state.step)
    shown = np.unique(np.linspace(0, len(logged) - 1, SHOWN, dtype=int)) if logged else ()
    for entry in (logged[i] for i in shown):
        print(f"step {entry.step:>8}  KL by group, nats: {_listed(entry.found.kl)}")
    print(f"step {step:>8}  KL by group, nats: {_listed(found.kl)} ({which} checkpoint)")
    for group, (unused, latents) in enumerate(
        zip(found.num_unused, found.num_latents, strict=True)
    ):
        active = scores.get(f"active_units/{group}")
        units = "" if active is None else f", active units {active}"
        print(f"group {group}: {latents - unused} of {latents} latents used{units}")
    information = scores.get("mutual_information")
    sentence = collapse_sentence(found, information) + since(found, logged)
    print(sentence)
    told = {
        "sentence": sentence,
        "step": step,
        "scores": {name: np.asarray(value).tolist() for name, value in scores.items()},
        "history": [{"step": entry.step, "kl": list(entry.found.kl)} for entry in logged],
    }
    path = workdir / f"collapse_{step}.json"
    write_whole(path, json.dumps(told, indent=2) + "\n")
    print(f"written to {path}")
    return told


def history(lines: Sequence[Mapping[str, Any]], num_groups: int) -> list[Logged]:
    """What a run logged of the KL of so many groups: of the evaluation that did, or of training.

    Steps at which a KL was not finite are left out.
    """
    names = [f"kl/{group}" for group in range(num_groups)]
    of_groups = [line for line in lines if all(line.get(name) is not None for name in names)]
    of_evaluations = [line["split"] for line in of_groups if line["split"] != TRAIN]
    split = of_evaluations[0] if of_evaluations else TRAIN
    chosen = (line for line in of_groups if line["split"] == split)
    return [Logged(line["step"], _of(line, num_groups)) for line in chosen]


def since(found: Collapse, logged: Sequence[Logged]) -> str:
    """From which logged step on the dead groups have been dead, "; dead since step 3,000"."""
    first = None
    for entry in reversed(logged):
        if not set(found.dead_groups) <= set(entry.found.dead_groups):
            break
        first = entry.step
    if not found.dead_groups or first is None:
        return ""
    return f"; dead since step {first:,}" + (" or before" if first == logged[0].step else "")


def _evaluator(run: Run) -> Evaluator:
    """That of the configuration, or one with the defaults."""
    for name, evaluator in run.evaluators.items():
        if name.rpartition("/")[2] == evaluators.collapse.__name__:
            return evaluator
    splits = run.context.splits
    split = next((name for name in SPLITS if name in splits), run.settings.split)
    devices = run.context.mesh.size
    try:
        return evaluators.collapse(run.context, split=split, batch_size=32 * devices)
    except ValueError as error:
        raise ConfigError(f"--mode: {error}") from error


def _of(values: Mapping[str, Any], num_groups: int | None = None) -> Collapse:
    """From `kl/<group>` and `kl_dims/<group>`, by name."""
    if num_groups is None:
        num_groups = sum(name.startswith("kl/") for name in values)
    kl = [values[f"kl/{group}"] for group in range(num_groups)]
    dims = [values.get(f"kl_dims/{group}") for group in range(num_groups)]
    return collapse(np.array(kl), [None if d is None or None in list(d) else d for d in dims])


def _listed(kl: Sequence[float]) -> str:
    return ", ".join(f"{nats:.3g}" for nats in kl)
