"""Timing of variants that take turns, so that what else the machine does falls on all alike."""

import statistics
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

Step = Callable[[], object]
"""One run of a variant; it returns when the work is done."""


class Seconds(NamedTuple):
    """Of one call: of all cores together, and by the clock on the wall."""

    cpu: float
    wall: float


def elapsed(call: Step) -> Seconds:
    """What one call takes."""
    cpu, wall = time.process_time(), time.perf_counter()
    call()
    return Seconds(time.process_time() - cpu, time.perf_counter() - wall)


def measure(steps: Mapping[str, Step], rounds: int) -> dict[str, Seconds]:
    """Medians of `rounds` calls of every variant, in turns, after a call to warm up."""
    times: dict[str, list[Seconds]] = {name: [] for name in steps}
    for _ in range(rounds + 1):
        for name, step in steps.items():
            times[name].append(elapsed(step))
    return {
        name: Seconds(*map(statistics.median, zip(*calls[1:], strict=True)))
        for name, calls in times.items()
    }
