"""`evaluation_<step>.json`: the scores of a checkpoint, as `--mode=evaluate` keeps them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from vaejax.core.files import write_whole


def write_evaluation(workdir: Path, step: int, scores: Mapping[str, Mapping[str, Any]]) -> Path:
    """Keep the scores of the checkpoint of a step, by evaluation; not finite ones as null."""
    readable = json.dumps(jax.tree.map(lambda value: np.asarray(value).tolist(), dict(scores)))
    readable = json.loads(readable, parse_constant=lambda _: None)  # JSON has no NaN
    path = _path(workdir, step)
    write_whole(path, json.dumps(readable, indent=2) + "\n")
    return path


def read_evaluation(workdir: Path, step: int) -> dict[str, dict[str, Any]]:
    """The scores that are kept of a step; none where there is no file, or a damaged one."""
    try:
        found = json.loads(_path(workdir, step).read_bytes())
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: values for name, values in found.items() if isinstance(values, dict)}


def _path(workdir: Path, step: int) -> Path:
    return workdir / f"evaluation_{step}.json"
