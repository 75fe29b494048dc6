"""Chapter 6: the two disentanglement metrics, which need factors that Frey faces do not have."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ml_collections
import numpy as np

from configs import betavae_dsprites
from experiments.style import draw
from experiments.thesis import plots
from experiments.trained import BETA
from vaejax.sweep import Member

SCORES = {"β-VAE metric (accuracy)": "beta_vae_score", "mutual information gap": "mig"}
BASELINES = ("pca", "untrained")
NUM_BOUND = 2_048  # held-out images for the bound


def config_of(num_steps: int, num_images: int) -> ml_collections.ConfigDict:
    """The study's model on rendered dSprites, at ten times its learning rate for a short run.

    Args:
        num_steps: of training; the metrics are computed after the last.
        num_images: whose codes are scored.
    """
    config = betavae_dsprites.get_config()
    config.optimizer.learning_rate = 1e-3
    config.train.update(num_steps=num_steps, eval_every=num_steps, ema_decay=0.99)
    config.eval.bound.num_examples = NUM_BOUND
    with config.unlocked():
        config.eval.disentanglement = dict(
            scores={name: {} for name in SCORES.values()},
            baselines=BASELINES,
            num_images=num_images,
            num_repeats=5,
        )
    return config


def rows_of(members: Sequence[Member]) -> list[dict[str, Any]]:
    """The numbers of each finished run of `config_of`, beside those of codes that nobody trained.

    Args:
        members: runs that differ in beta and seed; those that diverged have no row.
    """
    rows = []
    for member in members:
        if not member.diverged:
            last = member.last_metrics()
            numbers = {name: last["test/bound"][name] for name in ("elbo", "log_px", "kl")}
            row = {"beta": member.point[BETA], "seed": member.seed}
            rows.append(row | numbers | last["disentanglement"])
    return rows


def draw_scores(rows: Sequence[dict[str, Any]], folder: Path) -> None:
    """Both metrics against beta."""
    betas = sorted({row["beta"] for row in rows})

    def values(name: str, among: Sequence[dict[str, Any]] = rows) -> np.ndarray:
        return np.array([row[f"disentanglement/{name}"] for row in among])

    scores = {
        text: {beta: values(name, [r for r in rows if r["beta"] == beta]) for beta in betas}
        for text, name in SCORES.items()
    }
    others = {
        text: {codes: float(values(f"{codes}/{name}").mean()) for codes in BASELINES}
        for text, name in SCORES.items()
    }
    draw(folder / "chapter_6.png", plots.disentanglement, scores, others)
