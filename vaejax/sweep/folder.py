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

from vaejax.core.files import remove_unfinished, write_whole
from vaejax.core.mesh import replicated
from vaejax.runs.checkpoint import Checkpoints
from vaejax.runs.checkpoint_record import is_evaluated, steps_in
from vaejax.runs.config_values import as_json
from vaejax.runs.health import check_finite
from vaejax.runs.kept_config import CHECKPOINTS, keep_config
from vaejax.runs.kept_data import check_same_data, keep_data
from vaejax.runs.metric_lines import METRICS_FILE, JsonLines, damage
from vaejax.runs.scores import headline, is_due, scores_of
from vaejax.runs.setup import abstract_state
from vaejax.runs.units import write_units
from vaejax.sweep.members import DIVERGED_FILE, Member
from vaejax.sweep.program import Program, ordinary, with_numbers
from vaejax.training.state import TrainState


class Folder:
    """Where a member is restored from, logged and saved while it trains.

    Args:
        member: the member, whose folder is there.
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
        path = member.workdir / CHECKPOINTS
        resumed = bool(steps_in(path))
        if resumed:
            check_same_data(member.workdir, program.data_seen)
        remove_unfinished(member.workdir)
        keep_config(member.workdir, member.config)
        keep_data(member.workdir, program.data_seen)
        write_units(member.workdir, program.run.units)
        about = {"config": as_json(member.config)}
        self._checkpoints = Checkpoints(path, best_metric=self._settings.best_metric, about=about)
        if resumed:
            restored = self._checkpoints.restore_latest(abstract_state(program.run))
            state = with_numbers(restored, program.numbers_of(member))
        else:
            state = program.initial_state(member)
        self.state: TrainState = jax.device_get(state)
        step = int(self.state.step)
        self._evaluated = not resumed or is_evaluated(path, step)
        self._lines = JsonLines(member.workdir / METRICS_FILE, step, evaluated=self._evaluated)
        if self._lines.num_damaged:
            print(damage(member.workdir / METRICS_FILE, self._lines.num_damaged))

    def catch_up(self) -> None:
        """Evaluate the member's latest state, if that is due and a kill came before."""
        if is_due(int(self.state.step), self._settings) and not self._evaluated:
            self.evaluate(self.state)

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

    def save(self, state: TrainState) -> None:
        """Save a state with its numbers, in the background."""
        self._checkpoints.save(ordinary(self._on_devices(state)))

    def evaluate(self, state: TrainState) -> None:
        """Evaluate and log a state that is saved; codes may show that it has diverged.

        Another error of a score is told, and that is all.
        """
        self._checkpoints.wait()
        state, step = self._on_devices(state), int(state.step)
        scores: dict[str, dict[str, Any]] = {}
        with self._noting_divergence(state):
            scores = scores_of(
                self._evaluators, state, self.member.workdir, print, unless=(FloatingPointError,)
            )
        if self.diverged:
            return
        for name, values in scores.items():
            arrays = {metric: np.asarray(value) for metric, value in values.items()}
            self._lines.metrics(step, name, arrays)
        self._checkpoints.add_scores(step, headline(scores, self._settings.best_metric))

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
            write_whole(self.member.workdir / DIVERGED_FILE, json.dumps(report) + "\n")

    def _on_devices(self, state: TrainState) -> TrainState:
        return jax.device_put(state, replicated(self._mesh))
