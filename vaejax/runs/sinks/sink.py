"""What a sink of a log is, and one that may fail without ending the run."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from vaejax.runs.failures import survived


class Sink(Protocol):
    """Where the numbers and pictures of one run go, beside its own folder."""

    def metrics(self, step: int, split: str, values: Mapping[str, Any], rate: float | None) -> None:
        """Log scalars and vectors as `split/name`; what is not finite is left out.

        Args:
            step: of the run.
            split: "train", "test/bound", ...
            values: NumPy scalars and vectors by name.
            rate: images per second, where it is known.
        """

    def image(self, step: int, name: str, picture: np.ndarray) -> None:
        """Log a picture, uint8 [h, w, 3]."""

    def close(self) -> None:
        """Write out what is left."""


class About(NamedTuple):
    """What a sink may know of the run that it follows.

    Attributes:
        workdir: folder of the run.
        step: that it resumes from; 0 begins it.
        config: of the run, as JSON holds it.
        known: what the same sink said with `remember` when the run was begun (an id, to go on
            with), or None.
        remember: keeps such a text in the folder.
    """

    workdir: Path
    step: int
    config: Mapping[str, Any]
    known: str | None
    remember: Callable[[str], None]


class Guarded:
    """A sink whose first error is a line and its end, while the run goes on.

    Args:
        name: of the sink, for the line.
        open_sink: opens it; what fails here is told too.
        workdir: of the run, where `errors.txt` receives the traceback.
        say: told the line.
    """

    def __init__(
        self, name: str, open_sink: Callable[[], Sink], workdir: Path, say: Callable[[str], None]
    ):
        self._name, self._workdir, self._say = name, workdir, say
        self._sink: Sink | None = None
        self._done("opening", lambda: vars(self).update(_sink=open_sink()))

    def metrics(self, step: int, split: str, values: Mapping[str, Any], rate: float | None) -> None:
        """As `Sink.metrics`."""
        if sink := self._sink:
            self._done(f"step {step}", lambda: sink.metrics(step, split, values, rate))

    def image(self, step: int, name: str, picture: np.ndarray) -> None:
        """As `Sink.image`."""
        if sink := self._sink:
            self._done(f"step {step}, {name}", lambda: sink.image(step, name, picture))

    def close(self) -> None:
        """As `Sink.close`."""
        if sink := self._sink:
            self._done("closing", sink.close)

    def _done(self, what: str, act: Callable[[], Any]) -> None:
        """Act, or say why not and be silent from then on."""
        failed = True
        with survived(f"{self._name}, {what} (no more is sent there)", self._workdir, self._say):
            act()
            failed = False
        if failed:
            self._sink = None


def finite(values: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The values that are finite throughout: places for numbers have none for others."""
    return {name: value for name, value in values.items() if np.isfinite(value).all()}
