"""What a training run says on the console: a progress bar on a terminal, plain lines elsewhere."""

import time
from collections.abc import Mapping
from typing import Any

import jax
import tqdm

from vaejax.runs.metric_lines import TRAIN
from vaejax.runs.metric_text import describe, readable
from vaejax.runs.units import Units

_HEADLINE = ("elbo", "elbo_bpd")


def compiling(what: str, *, first: bool) -> str:
    """That something is compiled; of the first also that it is kept."""
    folder = getattr(jax.config, "jax_compilation_cache_dir", None) if first else None
    kept = f" (once per machine: what is compiled is kept in {folder})" if folder else ""
    return f"compiling {what}{kept}"


class Pace:
    """How long a step takes, without what is done but once.

    The first step is compiled, and the longest pause is that in which evaluations were.
    """

    def __init__(self) -> None:
        self._last: float | None = None
        self._total, self._count, self._longest_pause = 0.0, 0, 0.0
        self._paused = False

    def step(self) -> None:
        """A step is done."""
        now = time.perf_counter()
        if self._last is not None:
            spent = now - self._last
            self._total += spent
            self._count += 1
            if self._paused:
                self._longest_pause = max(self._longest_pause, spent)
        self._last, self._paused = now, False

    def pause(self) -> None:
        """Something else is done before the next step."""
        self._paused = True

    def remaining(self, num_steps: int) -> str:
        """How long so many steps will take, "02:05"; "?" before that can be known."""
        if num_steps <= 0:
            return "00:00"
        count = self._count - bool(self._longest_pause)  # it is left out with its step
        if not count:
            return "?"
        seconds = (self._total - self._longest_pause) / count * num_steps
        return tqdm.tqdm.format_interval(seconds)


class _Bar(tqdm.tqdm):
    """A progress bar whose `eta` is that of a pace."""

    pace: Pace | None = None

    @property
    def format_dict(self) -> dict[str, Any]:
        found = super().format_dict
        left = found["total"] - found["n"]
        return {**found, "eta": "?" if self.pace is None else self.pace.remaining(left)}


class Console:
    """What is said of a run while it trains.

    Args:
        num_steps: the step at which training ends.
        step: the step it goes on from.
        units: of metrics, by split.
    """

    def __init__(self, num_steps: int, step: int, units: Mapping[str, Units]):
        self._units, self._num_steps, self._pace = units, num_steps, Pace()
        self._bar = _Bar(
            total=num_steps,
            initial=step,
            disable=None,  # where stderr is not a terminal
            dynamic_ncols=True,
            bar_format="{percentage:3.0f}%|{bar}| {n}/{total} steps, ETA {eta}{postfix}",
        )
        self._bar.pace = self._pace

    def advance(self) -> None:
        """A step is done."""
        self._pace.step()
        self._bar.update()

    def pause(self) -> None:
        """Something else is done before the next step."""
        self._pace.pause()

    def metrics(self, step: int, split: str, values: Mapping[str, Any], rate: float | None) -> None:
        """Numbers of a step, and images per second where they are known."""
        units = self._units.get(split, {})
        if split != TRAIN:
            self.say(f"step {step}, {split}: {describe(values, units)}")
            return
        text = describe(values, units, _HEADLINE if "elbo" in values else ("loss",))
        if skipped := int(values.get("skipped_steps", 0)):
            text += f", {skipped:,} steps skipped"
        if rate is not None:
            text = f"{readable(rate)} images/s, {text}"
        if self._bar.disable:
            eta = self._pace.remaining(self._num_steps - step)
            self.say(f"step {step}/{self._num_steps}, ETA {eta}, {text}")
        else:
            self._bar.set_postfix_str(text)

    def doing(self, text: str) -> None:
        """What is done before the next step: in the bar until then, or a line."""
        if self._bar.disable:
            self.say(text)
        else:
            self._bar.set_postfix_str(text)

    def say(self, text: str) -> None:
        """A line, above the progress bar where there is one."""
        self._bar.write(text)

    def close(self) -> None:
        """Leave the bar as it is."""
        self._bar.close()
