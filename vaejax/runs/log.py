"""What a training run says: numbers to a file, to the console, and to sinks that are asked for.

The file is `metrics.jsonl`, see `metric_lines`; `metric_units` says in what a metric is measured.
"""

import os
import pathlib
import time
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from vaejax.runs.console import Console
from vaejax.runs.metric_lines import METRICS_FILE, TRAIN, JsonLines, damage
from vaejax.runs.sinks import Sink, open_sinks
from vaejax.runs.units import Units, write_units


class RunLog:
    """The log of one training run; of several processes only the first writes.

    Writes `metrics.jsonl` to `workdir`, and what sinks take to where they keep it. On a terminal a
    progress bar follows every step; elsewhere each logged step is a plain line.

    Args:
        workdir: where the files go; made if missing.
        num_steps: the step at which training ends.
        step: the step the run resumes from. Lines logged beyond it are dropped, since they will be
            logged again; 0 starts a new log.
        evaluated: whether the evaluation of that step was finished, see `JsonLines`.
        units: of metrics, by split; kept in `workdir` too.
        sinks: names of sinks, "tensorboard,wandb".
        config: of the run, for sinks.
    """

    def __init__(
        self,
        workdir: str | os.PathLike[str],
        *,
        num_steps: int,
        step: int = 0,
        evaluated: bool = True,
        units: Mapping[str, Units] | None = None,
        sinks: str = "",
        config: Mapping[str, Any] | None = None,
    ):
        self._writers: list[Any] = []
        self._console: Console | None = None
        self._sinks: list[Sink] = []
        self._clock: float | None = None
        self._num_images = 0
        if jax.process_index() != 0:
            return
        workdir = pathlib.Path(workdir)
        workdir.mkdir(parents=True, exist_ok=True)
        write_units(workdir, units or {})
        self._console = Console(num_steps, step, units or {})
        lines = JsonLines(workdir / METRICS_FILE, step, evaluated=evaluated)
        if lines.num_damaged:
            self.say(damage(workdir / METRICS_FILE, lines.num_damaged))
        self._sinks = open_sinks(sinks, workdir, step=step, config=config or {}, say=self.say)
        self._writers = [lines, self._console, *self._sinks]

    def advance(self, num_images: int) -> None:
        """Count one training step of a batch of `num_images`."""
        if self._clock is None:  # the first step after a pause also compiled, or waited for data
            self._clock = time.perf_counter()
        else:
            self._num_images += num_images
        if self._console:
            self._console.advance()

    def metrics(self, step: int, split: str, metrics: Mapping[str, Any]) -> None:
        """Log scalars and vectors of one split ("train", "validation", ...) at a step.

        Waits until the devices have computed them.
        """
        values = {name: np.asarray(value) for name, value in jax.device_get(dict(metrics)).items()}
        since = self._clock if split == TRAIN else None
        rate = None
        if since is not None and self._num_images:
            rate = self._num_images / (time.perf_counter() - since)
        for writer in self._writers:
            writer.metrics(step, split, values, rate)
        self._restart_clock(training=since is not None)

    def image(self, step: int, name: str, picture: np.ndarray) -> None:
        """Show a picture, uint8 [h, w, 3], in the sinks."""
        for sink in self._sinks:
            sink.image(step, name, picture)
        self._restart_clock(training=False)

    def say(self, text: str) -> None:
        """Print a line, above the progress bar where there is one."""
        if self._console:
            self._console.say(text)

    def doing(self, text: str) -> None:
        """Say what is done before the next step."""
        if self._console:
            self._console.doing(text)

    def close(self) -> None:
        """Write out what is left and release the files."""
        for writer in self._writers:
            writer.close()

    def _restart_clock(self, training: bool) -> None:
        """Begin a new stretch of throughput, now or (after a pause) at the next step."""
        self._clock = time.perf_counter() if training else None
        self._num_images = 0
        if self._console and not training:
            self._console.pause()
