"""Weights & Biases, by their own package; https://docs.wandb.ai says how to log in.

`WANDB_PROJECT`, `WANDB_MODE=offline` and their other variables mean what they always mean.
"""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from vaejax.runs.sinks.sink import About, finite


class Wandb:
    """A run of Weights & Biases; a resumed run goes on in the same one.

    Their own step cannot go back, as a resumed run does: `step` is a metric here, against which
    all others are drawn.

    Args:
        about: the run.
    """

    def __init__(self, about: About):
        import wandb

        self._wandb = wandb
        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", "vaejax"),
            name=about.workdir.resolve().name,
            id=about.known,
            resume="allow" if about.known else None,
            dir=str(about.workdir),
            config=dict(about.config),
        )
        about.remember(self._run.id)
        self._run.define_metric("step")
        self._run.define_metric("*", step_metric="step")

    def metrics(self, step: int, split: str, values: Mapping[str, Any], rate: float | None) -> None:
        """As `Sink.metrics`; vectors are histograms."""
        line: dict[str, Any] = {"step": step}
        for name, value in finite(values).items():
            line[f"{split}/{name}"] = (
                self._wandb.Histogram(value.astype(np.float32)) if value.ndim else value.item()
            )
        if rate is not None:
            line[f"{split}/images_per_second"] = rate
        self._run.log(line)

    def image(self, step: int, name: str, picture: np.ndarray) -> None:
        """As `Sink.image`."""
        self._run.log({"step": step, name: self._wandb.Image(picture)})

    def close(self) -> None:
        """As `Sink.close`."""
        self._run.finish()
