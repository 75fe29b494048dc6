"""The training loop.

A run may be stopped at any time and started again with the same arguments: it goes on where it
stopped, and its metrics and final state are those of a run that was never stopped.
"""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import jax
import ml_collections
import numpy as np

from vaejax import data, figures
from vaejax.checkpoint import Checkpoints
from vaejax.config import ConfigError
from vaejax.config_values import as_json
from vaejax.failures import survived
from vaejax.files import remove_unfinished
from vaejax.health import check_finite
from vaejax.kept_config import CHECKPOINTS, check_same_run, keep_config
from vaejax.kept_data import check_same_data, fingerprint, keep_data
from vaejax.logging import RunLog
from vaejax.metric_lines import TRAIN
from vaejax.parallel import batch_sharding
from vaejax.pictures import Pictures
from vaejax.run import (
    Run,
    build,
    initial_state,
    refusals,
    restored_state,
    step_rng,
    train_step,
)
from vaejax.scores import BEST_METRIC, headline, is_due, scores_of
from vaejax.steps import sharded_step
from vaejax.stop_requests import stop_requests
from vaejax.train_state import TrainState, count_parameters

FIGURES = "figures"  # folder in the workdir
TRAVERSALS_GIF = "traversals.gif"
RECONSTRUCTIONS_GIF = "reconstructions.gif"


def train(config: ml_collections.ConfigDict, workdir: str | Path) -> TrainState:
    """Train to `config.train.num_steps`, from the latest checkpoint in `workdir` if there is one.

    Args:
        config: of the run; kept in `workdir/config.json`.
        workdir: receives `metrics.jsonl`, `tensorboard/`, `checkpoints/`, `figures/`, `data.json`
            (the fingerprint of the data) and, where a score or a picture fails, `errors.txt`.

    Returns:
        The final state, or that of the step at which SIGINT or SIGTERM asked to stop.

    Raises:
        ConfigError: the configuration cannot be run, or `workdir` holds a run of another one, or
            of other data.
        FloatingPointError: the loss is no longer finite, or all late steps were skipped.
    """
    run, workdir = build(config), Path(workdir)
    about = {"config": as_json(config), "drawn": False}
    seen = fingerprint(config.data.name, run.context.splits)
    _make_folder(workdir)
    with closing(
        Checkpoints(workdir / CHECKPOINTS, best_metric=BEST_METRIC, about=about)
    ) as checkpoints:
        resumed = checkpoints.latest_step is not None
        if resumed:
            check_same_run(workdir, config)
            check_same_data(workdir, seen)
        remove_unfinished(workdir)
        keep_config(workdir, config)
        keep_data(workdir, seen)
        state = restored_state(run, checkpoints) if resumed else initial_state(run)
        start = int(state.step)
        known = checkpoints.known(start) if resumed else {}
        evaluated = known.get("metrics", {}) is not None
        log = RunLog(workdir, num_steps=run.settings.num_steps, step=start, evaluated=evaluated)
        with closing(log), stop_requests() as stop_requested:
            log.say(_summary(run, state, workdir))
            looks = _Looks(run, workdir, checkpoints, log)
            if is_due(start, run.settings):  # and a kill came before
                if not evaluated:
                    looks.evaluate(state)
                if not known.get("drawn", True):
                    looks.draw(state)
            if start >= run.settings.num_steps and not looks.are_animated:
                looks.animate(state)
            return _take_steps(run, state, checkpoints, log, looks, stop_requested)


def _take_steps(
    run: Run,
    state: TrainState,
    checkpoints: Checkpoints,
    log: RunLog,
    looks: "_Looks",
    stop_requested: Callable[[], bool],
) -> TrainState:
    """The steps from a state on to the end, or until `stop_requested`.

    What is due after a step comes in this order, so that nothing is lost by what comes later: it is
    logged, saved, evaluated, drawn.
    """
    settings, mesh, start = run.settings, run.context.mesh, int(state.step)
    rng = step_rng(settings)
    step_fn = sharded_step(train_step(run.context.objective, run.optimizer, settings), mesh)
    with data.train_batches(
        run.source,
        settings.batch_size,
        seed=settings.seed,
        start_step=start,
        sharding=batch_sharding(mesh),
    ) as batches:
        previous = None
        for step in range(start + 1, settings.num_steps + 1):
            batch = next(batches)
            if previous is None:  # ahead of time: then no later step can compile unnoticed
                with refusals():
                    step_fn = step_fn.lower(state, batch, rng).compile()
            state, metrics = step_fn(state, batch, rng)
            # Stay at most one step ahead of the devices, so that batches do not pile up.
            jax.block_until_ready(previous)
            previous = metrics["loss"]
            log.advance(settings.batch_size)
            due, stopping = is_due(step, settings), stop_requested()
            log_now = step % settings.log_every == 0 or step == settings.num_steps
            if due or stopping:
                check_finite(state, metrics, settings, checkpoints)
            elif log_now:  # then the parameters need not be fetched
                check_finite(state._replace(params={}), metrics, settings, checkpoints)
            if log_now:
                log.metrics(step, TRAIN, metrics)
            if due or stopping:
                checkpoints.save(state)
            if due and not stopping:
                looks.evaluate(state)
                looks.draw(state)
                stopping = stop_requested()
            if stopping:
                log.say(f"stopped after step {step}; the same command goes on from there")
                break
    return state


class _Looks:
    """Scores and pictures of saved states; one that fails is told, and that is all.

    Args:
        run: the run.
        workdir: of the run.
        checkpoints: of the run, where it is noted what is done.
        log: of the run.
    """

    def __init__(self, run: Run, workdir: Path, checkpoints: Checkpoints, log: RunLog):
        self._run, self._workdir, self._checkpoints, self._log = run, workdir, checkpoints, log
        self._pictures = Pictures(run.context, run.held_out)

    def evaluate(self, state: TrainState) -> None:
        """Log the scores of a state once it is on disk, and note them there."""
        self._checkpoints.wait()
        step = int(state.step)
        scores = scores_of(self._run.evaluators, state, self._workdir, self._log.say)
        for name, values in scores.items():
            self._log.metrics(step, name, values)
        self._checkpoints.add_scores(step, headline(scores))

    def draw(self, state: TrainState) -> None:
        """Draw a state, after the last step as an animation too, and note that it is done."""
        step = int(state.step)
        with survived(f"pictures of step {step}", self._workdir, self._log.say):
            _show(self._pictures, state, self._workdir / FIGURES, self._log)
        if step == self._run.settings.num_steps:
            self.animate(state)
        self._checkpoints.note(step, drawn=True)

    @property
    def are_animated(self) -> bool:
        """Whether animations have been drawn."""
        return (self._workdir / FIGURES / RECONSTRUCTIONS_GIF).exists()

    def animate(self, state: TrainState) -> None:
        """Draw the animations."""
        with survived("animations", self._workdir, self._log.say):
            _animate(self._pictures, state, self._workdir / FIGURES, self._log.say)


def _show(pictures: Pictures, state: TrainState, folder: Path, log: RunLog) -> None:
    step = int(state.step)
    for name, picture in pictures.panels(state):
        figures.save_png(folder / f"{name}_{step:07d}.png", picture)
        log.image(step, name, picture)


def _animate(
    pictures: Pictures, state: TrainState, folder: Path, say: Callable[[str], None] = print
) -> None:
    """How reconstructions came to be, and traversals of the final model, as GIFs."""
    paths = sorted(folder.glob("reconstructions_*.png"))
    over_time = _of_one_size([_picture_in(path) for path in paths])
    if lost := len(paths) - len(over_time):
        say(f"{folder}: {lost} damaged picture{'s' * (lost > 1)} left out of the animation")
    if over_time:  # none in a folder that a sweep has trained to the end
        figures.save_gif(folder / RECONSTRUCTIONS_GIF, np.stack(over_time), fps=4)
    frames = pictures.traversal_frames(state)
    if frames is not None:
        figures.save_gif(folder / TRAVERSALS_GIF, frames)


def _picture_in(path: Path) -> np.ndarray | None:
    try:
        return figures.load_png(path)
    except Exception:  # PIL has many of its own for what a kill or a disk has done to a file
        return None


def _of_one_size(found: list[np.ndarray | None]) -> list[np.ndarray]:
    """The pictures of the same size as the last; what is None is left out."""
    there = [picture for picture in found if picture is not None]
    return [picture for picture in there if picture.shape == there[-1].shape]


def _make_folder(workdir: Path) -> None:
    try:
        (workdir / CHECKPOINTS).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"--workdir: expected a folder to write to, got {error}") from error


def _summary(run: Run, state: TrainState, workdir: Path) -> str:
    step = int(state.step)
    begin = f"resuming after step {step}" if step else "starting"
    if step >= run.settings.num_steps:
        begin = f"nothing to do, {step} steps are done"
    return (
        f"{type(run.context.model).__name__}, {count_parameters(state.params):,} parameters; "
        f"{len(run.source):,} images; {jax.device_count()} x {jax.devices()[0].device_kind}; "
        f"{begin} in {workdir}"
    )
