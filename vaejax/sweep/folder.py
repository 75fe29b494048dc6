"""A member on disk: the folder of an ordinary run, without pictures.

`config.json`, `metrics.jsonl` and `checkpoints/` are what `vaejax.main` writes and reads, whichever
strategy trained the member.
"""

import contextlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import numpy as np

from vaejax.checkpoint import Checkpoints
from vaejax.kept_config import keep_config
from vaejax.logging import JsonLines
from vaejax.parallel import replicated
from vaejax.run import abstract_state
from vaejax.sweep.members import DIVERGED_FILE, Member
from vaejax.sweep.program import Program, ordinary, with_numbers
from vaejax.train import BEST_METRIC, check_finite, headline
from vaejax.train_state import TrainState


class Folder:
    """Where a member is restored from, logged and saved while it trains.

    Args:
        member: the member.
        program: its program.

    Attributes:
        member: as given.
        state: with its numbers, on the host; the member's latest, or its initial one.
        diverged: whether it is beyond repair; from then on nothing more is written.
    """

    def __init__(self, member: Member, program: Program):
        self.member, self.diverged = member, False
        self._mesh, self._settings = program.run.context.mesh, program.run.settings
        self._evaluators = program.evaluators_of(member)
        member.workdir.mkdir(parents=True, exist_ok=True)
        path = member.workdir / "checkpoints"
        self._checkpoints = Checkpoints(path, best_metric=BEST_METRIC)
        keep_config(member.workdir, member.config)
        if self._checkpoints.latest_step is None:
            state = program.initial_state(member)
        else:
            restored = self._checkpoints.restore_latest(abstract_state(program.run))
            state = with_numbers(restored, program.numbers_of(member))
        self.state: TrainState = jax.device_get(state)
        self._lines = JsonLines(member.workdir / "metrics.jsonl", int(self.state.step))

    def check(self, state: TrainState, metrics: Mapping[str, Any]) -> None:
        """Note, on disk too, if a training step was beyond repair.

        Args:
            state: after the step; its `params` may be left out where it is not saved.
            metrics: of the step.
        """
        with self._noting_divergence(state):
            check_finite(state, metrics, self._settings, self._checkpoints)

    def log(self, step: int, metrics: Mapping[str, Any]) -> None:
        """Write the metrics of a training step."""
        self._lines.metrics(step, "train", metrics)

    def evaluate(self, state: TrainState) -> None:
        """Evaluate, log and save a state with its numbers; codes may show that it has diverged."""
        state = self._on_devices(state)
        scores: dict[str, dict[str, Any]] = {}
        with self._noting_divergence(state):
            scores = {name: dict(score(state)) for name, score in self._evaluators.items()}
        if self.diverged:
            return
        for name, values in scores.items():
            arrays = {metric: np.asarray(value) for metric, value in values.items()}
            self._lines.metrics(int(state.step), name, arrays)
        self._checkpoints.save(ordinary(state), headline(scores))

    def save(self, state: TrainState) -> None:
        """Save a state with its numbers."""
        self._checkpoints.save(ordinary(self._on_devices(state)))

    def close(self) -> None:
        """Return when everything is on disk."""
        self._lines.close()
        self._checkpoints.close()

    @contextlib.contextmanager
    def _noting_divergence(self, state: TrainState) -> Iterator[None]:
        try:
            yield
        except FloatingPointError as error:
            self.diverged = True
            report = {"step": int(state.step), "error": str(error)}
            (self.member.workdir / DIVERGED_FILE).write_text(json.dumps(report) + "\n")

    def _on_devices(self, state: TrainState) -> TrainState:
        return jax.device_put(state, replicated(self._mesh))
