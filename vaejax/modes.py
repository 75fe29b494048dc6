"""What can be done with a trained run besides training it: evaluate it, sample from it."""

import json
from contextlib import closing
from pathlib import Path
from typing import Literal

import jax
import ml_collections
import numpy as np

from vaejax import figures
from vaejax.checkpoint import Checkpoints
from vaejax.config import ConfigError
from vaejax.logging import unit
from vaejax.pictures import Pictures
from vaejax.run import Run, build, restored_state
from vaejax.train import check_same_run
from vaejax.train_state import TrainState

Which = Literal["latest", "best"]


def evaluate(config: ml_collections.ConfigDict, workdir: Path, which: Which = "latest") -> dict:
    """Print the scores of a checkpoint and keep them in `workdir/evaluation_<step>.json`."""
    run, state = restored(config, workdir, which)
    step = int(state.step)
    scores = run.evaluate(state)
    for name, values in scores.items():
        print(f"{name} ({which} checkpoint, step {step})")
        for metric, value in values.items():
            if np.ndim(value) == 0:
                print(f"  {metric:24} {float(value):12.5g}  {unit(metric)}")
    readable = jax.tree.map(lambda value: np.asarray(value).tolist(), scores)
    path = workdir / f"evaluation_{step}.json"
    path.write_text(json.dumps(readable, indent=2) + "\n")
    print(f"written to {path}")
    return scores


def sample(config: ml_collections.ConfigDict, workdir: Path, which: Which = "latest") -> Path:
    """Sample a checkpoint into `workdir/samples_<step>.png`, and as an array into `.npy`."""
    run, state = restored(config, workdir, which)
    images = Pictures(run.context, run.held_out).samples(state)
    path = workdir / f"samples_{int(state.step)}.png"
    figures.save_png(path, figures.samples(images))
    np.save(path.with_suffix(".npy"), np.asarray(images))
    print(f"written to {path} and {path.with_suffix('.npy')} (float32 in [0, 1], {images.shape})")
    return path


def restored(
    config: ml_collections.ConfigDict, workdir: Path, which: Which = "latest"
) -> tuple[Run, TrainState]:
    """The run of a configuration, and the state of a checkpoint in its folder.

    Raises:
        ConfigError: there is none, or it is of another configuration.
    """
    run = build(config)
    if not (workdir / "checkpoints").is_dir():
        raise ConfigError(f"--workdir: expected a folder with checkpoints, got {workdir}")
    check_same_run(workdir, config)
    with closing(Checkpoints(workdir / "checkpoints")) as checkpoints:
        try:
            return run, restored_state(run, checkpoints, which)
        except (FileNotFoundError, ValueError) as error:
            raise ConfigError(f"--workdir: {error}") from error
