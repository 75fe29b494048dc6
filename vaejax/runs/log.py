"""What a training run says: numbers to a file, to the console, and to sinks that are asked for.

The file is `metrics.jsonl`, see `metric_lines`; `metric_units` says in what a metric is measured.
"""

import math
import os
import pathlib
import time
from collections.abc import Iterable, Mapping
from typing import Any

import jax
import numpy as np
import tqdm

from vaejax.runs.metric_lines import METRICS_FILE, TRAIN, JsonLines, damage
from vaejax.runs.sinks import Sink, open_sinks
from vaejax.runs.units import INTERVAL, Units, unit, write_units

_HEADLINE = ("elbo", "elbo_bpd")


def describe(metrics: Mapping[str, Any], units: Units, names: Iterable[str] | None = None) -> str:
    """Metrics as text with their units, "elbo -62.1 [-63.0, -61.2], kl 14.2 nats/image, beta 4".

    Args:
        metrics: values by name; vectors and parts ("kl/3") are left out.
        units: of metrics.
        names: which to tell, where present; all by default.
    """
    told = [
        name
        for name in (metrics if names is None else names)
        if name in metrics and "/" not in name and np.ndim(metrics[name]) == 0
        if not name.endswith(INTERVAL)
    ]
    by_unit: dict[str, list[str]] = {}
    for name in told:
        text = f"{name} {_readable(float(metrics[name]))}{interval_text(metrics, name)}"
        by_unit.setdefault(unit(name, units), []).append(text)
    return ", ".join(f"{', '.join(values)} {shared}".rstrip() for shared, values in by_unit.items())


def interval_text(metrics: Mapping[str, Any], name: str) -> str:
    """The 95 % interval of a metric, " [-63.0, -61.2]"; nothing where there is none."""
    ends = [float(metrics.get(name + end, math.nan)) for end in INTERVAL]
    return f" [{', '.join(map(_readable, ends))}]" if np.isfinite(ends).all() else ""


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
        self._console: _Console | None = None
        self._sinks: list[Sink] = []
        self._clock: float | None = None
        self._num_images = 0
        if jax.process_index() != 0:
            return
        workdir = pathlib.Path(workdir)
        workdir.mkdir(parents=True, exist_ok=True)
        write_units(workdir, units or {})
        self._console = _Console(num_steps, step, units or {})
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

    def close(self) -> None:
        """Write out what is left and release the files."""
        for writer in self._writers:
            writer.close()

    def _restart_clock(self, training: bool) -> None:
        """Begin a new stretch of throughput, now or (after a pause) at the next step."""
        self._clock = time.perf_counter() if training else None
        self._num_images = 0


class _Console:
    """A progress bar on a terminal, plain lines elsewhere."""

    def __init__(self, num_steps: int, step: int, units: Mapping[str, Units]):
        self._units = units
        self._start_step, self._num_steps = step, num_steps
        self._start = time.perf_counter()
        self._bar = tqdm.tqdm(
            total=num_steps,
            initial=step,
            disable=None,  # where stderr is not a terminal
            dynamic_ncols=True,
            bar_format="{percentage:3.0f}%|{bar}| {n}/{total} steps, ETA {remaining}{postfix}",
        )

    def advance(self) -> None:
        self._bar.update()

    def metrics(self, step: int, split: str, values: Mapping[str, Any], rate: float | None) -> None:
        units = self._units.get(split, {})
        if split != TRAIN:
            self.say(f"step {step}, {split}: {describe(values, units)}")
            return
        text = describe(values, units, _HEADLINE if "elbo" in values else ("loss",))
        if skipped := int(values.get("skipped_steps", 0)):
            text += f", {skipped:,} steps skipped"
        if rate is not None:
            text = f"{_readable(rate)} images/s, {text}"
        if self._bar.disable:
            self.say(f"step {step}/{self._num_steps}, ETA {self._remaining(step)}, {text}")
        else:
            self._bar.set_postfix_str(text)

    def say(self, text: str) -> None:
        self._bar.write(text)

    def close(self) -> None:
        self._bar.close()

    def _remaining(self, step: int) -> str:
        per_step = (time.perf_counter() - self._start) / max(step - self._start_step, 1)
        return tqdm.tqdm.format_interval(per_step * max(self._num_steps - step, 0))


def _readable(value: float) -> str:
    return f"{value:,.0f}" if 1000 <= abs(value) < math.inf else f"{value:.4g}"
