"""What is looked at while a run trains: scores and pictures of states that are on disk already.

One that fails is told, its traceback goes to `errors.txt`, and training goes on.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vaejax.pictures import figures
from vaejax.pictures.run_pictures import Pictures
from vaejax.runs.checkpoint import Checkpoints
from vaejax.runs.failures import survived
from vaejax.runs.log import RunLog
from vaejax.runs.scores import headline, scores_of
from vaejax.runs.setup import Run
from vaejax.training.state import TrainState

FIGURES = "figures"  # folder in the workdir
TRAVERSALS_GIF = "traversals.gif"
RECONSTRUCTIONS_GIF = "reconstructions.gif"


class Looks:
    """Scores and pictures of saved states; one that fails is told, and that is all.

    Args:
        run: the run.
        workdir: of the run.
        checkpoints: of the run, where it is noted what is done.
        log: of the run.

    Attributes:
        scores: of the last state that was evaluated, those with the best metric among them.
    """

    def __init__(self, run: Run, workdir: Path, checkpoints: Checkpoints, log: RunLog):
        self._run, self._workdir, self._checkpoints, self._log = run, workdir, checkpoints, log
        self.scores: Mapping[str, Any] = {}
        self._pictures = Pictures(run.context, run.held_out)
        for sentence in self._pictures.left_out():
            log.say(sentence)

    def evaluate(self, state: TrainState) -> None:
        """Log the scores of a state once it is on disk, and note them there."""
        self._checkpoints.wait()
        step = int(state.step)
        scores = scores_of(
            self._run.evaluators,
            state,
            self._workdir,
            self._log.say,
            begin=lambda name: self._log.doing(f"step {step}, evaluating {name}"),
        )
        for name, values in scores.items():
            self._log.metrics(step, name, values)
        found = headline(scores, self._run.settings.best_metric)
        self.scores = found or {}
        self._checkpoints.add_scores(step, found)

    def sketch(self, state: TrainState) -> None:
        """Draw a state that is not on disk: how a run begins."""
        step, folder = int(state.step), self._workdir / FIGURES
        for panel in self._pictures.panels():
            with survived(f"{panel.name} of step {step}", self._workdir, self._log.say):
                picture = panel.draw(self._pictures, state)
                if picture is not None:
                    figures.save_png(folder / f"{panel.name}_{step:07d}.png", picture)
                    self._log.image(step, panel.name, picture)

    def draw(self, state: TrainState) -> None:
        """Draw a state, after the last step as an animation too, and note that it is done."""
        self.sketch(state)
        step = int(state.step)
        if step >= self._run.settings.num_steps:
            self.animate(state)
        self._checkpoints.note(step, drawn=True)

    def animate(self, state: TrainState) -> None:
        """Draw how reconstructions came to be, and traversals of the model, and note it."""
        folder = self._workdir / FIGURES
        with survived(RECONSTRUCTIONS_GIF, self._workdir, self._log.say):
            _animate_reconstructions(folder, self._log.say)
        with survived(TRAVERSALS_GIF, self._workdir, self._log.say):
            frames = self._pictures.traversal_frames(state)
            if frames is not None:
                figures.save_gif(folder / TRAVERSALS_GIF, frames)
        self._checkpoints.note(int(state.step), animated=True)


def _animate_reconstructions(folder: Path, say: Callable[[str], None]) -> None:
    paths = sorted(folder.glob("reconstructions_*.png"))
    over_time = _of_one_size([_picture_in(path) for path in paths])
    if lost := len(paths) - len(over_time):
        say(f"{folder}: {lost} damaged picture{'s' * (lost > 1)} left out of the animation")
    if over_time:  # none in a folder that a sweep has trained to the end
        figures.save_gif(folder / RECONSTRUCTIONS_GIF, np.stack(over_time), fps=4)


def _picture_in(path: Path) -> np.ndarray | None:
    try:
        return figures.load_png(path)
    except Exception:  # PIL has many of its own for what a kill or a disk has done to a file
        return None


def _of_one_size(found: list[np.ndarray | None]) -> list[np.ndarray]:
    """The pictures of the same size as the last; what is None is left out."""
    there = [picture for picture in found if picture is not None]
    return [picture for picture in there if picture.shape == there[-1].shape]
