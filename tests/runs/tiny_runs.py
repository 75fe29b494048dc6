"""Runs of a tiny model of bars, whole in seconds, and how they are looked at."""

import json
import pathlib
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from vaejax.runs.config import run_config
from vaejax.runs.loop import train
from vaejax.training.state import TrainState

Finished = tuple[pathlib.Path, TrainState]
"""The folder and the final state of a run."""


def tiny_config(images: pathlib.Path) -> ConfigDict:
    """Twelve steps of a dense VAE."""
    return run_config(
        data={"name": "array", "path": str(images)},
        model={"name": "ConvVAE", "preset": "burda", "latent_size": 2},
        objective={"name": "elbo", "beta": 1.0},
        optimizer={"name": "adam", "learning_rate": 1e-3},
        train={"num_steps": 12, "batch_size": 16, "log_every": 2, "eval_every": 4},
        eval={"bound": {"split": "test", "batch_size": 8}},
    )


def unbroken_run(config: ConfigDict, folders: Any) -> Finished:
    """A run without an interruption, in one of pytest's `tmp_path_factory`."""
    workdir = folders.mktemp("unbroken")
    return workdir, train(config, workdir)


def tree_bytes(tree: Any) -> list[bytes]:
    """Every array of a tree, to the last bit."""
    return [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(tree)]


def lines(workdir: pathlib.Path) -> list[dict[str, Any]]:
    """What a run has logged."""
    return [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
