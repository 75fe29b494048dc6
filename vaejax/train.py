"""The training loop.

A run may be stopped at any time and started again with the same arguments: it goes on where it
stopped, and its metrics and final state are those of a run that was never stopped.
"""

import math
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import jax
import ml_collections
import numpy as np

from vaejax import data, figures
from vaejax.checkpoint import Checkpoints
from vaejax.config import ConfigError, TrainSettings
from vaejax.kept_config import check_same_run, keep_config
from vaejax.logging import RunLog
from vaejax.parallel import batch_sharding
from vaejax.pictures import Pictures
from vaejax.run import Run, build, initial_state, restored_state, step_rng, train_step
from vaejax.steps import sharded_step
from vaejax.train_state import TrainState, count_parameters
from vaejax.types import Metrics

FIGURES = "figures"  # folder in the workdir
TRAVERSALS_GIF = "traversals.gif"
RECONSTRUCTIONS_GIF = "reconstructions.gif"  # the last thing a run writes
MAX_SKIPPED = 100  # steps in a row: a run that has lost as many will not recover
BEST_METRIC = "elbo"  # of the evaluation; the checkpoint with the highest is kept as the best


def train(config: ml_collections.ConfigDict, workdir: str | Path) -> TrainState:
    """Train to `config.train.num_steps`, from the latest checkpoint in `workdir` if there is one.

    Args:
        config: of the run; kept in `workdir/config.json`.
        workdir: receives `metrics.jsonl`, `tensorboard/`, `checkpoints/` and `figures/`.

    Returns:
        The final state, or that of the step at which SIGINT or SIGTERM asked to stop.

    Raises:
        ConfigError: the configuration cannot be run, or `workdir` holds a run of another one.
        FloatingPointError: the loss is no longer finite, or all late steps were skipped.
    """
    run, workdir = build(config), Path(workdir)
    figure_folder = workdir / FIGURES
    settings, mesh = run.settings, run.context.mesh
    _make_folder(workdir)
    with closing(Checkpoints(workdir / "checkpoints", best_metric=BEST_METRIC)) as checkpoints:
        resumed = checkpoints.latest_step is not None
        if resumed:
            check_same_run(workdir, config)
        keep_config(workdir, config)
        state = restored_state(run, checkpoints) if resumed else initial_state(run)
        start = int(state.step)
        rng = step_rng(settings)
        step_fn = sharded_step(train_step(run.context.objective, run.optimizer, settings), mesh)
        with (
            closing(RunLog(workdir, num_steps=settings.num_steps, step=start)) as log,
            stop_requests() as stop_requested,
            data.train_batches(
                run.source,
                settings.batch_size,
                seed=settings.seed,
                start_step=start,
                sharding=batch_sharding(mesh),
            ) as batches,
        ):
            log.say(_summary(run, state, workdir))
            pictures = Pictures(run.context, run.held_out)
            previous = None
            for step in range(start + 1, settings.num_steps + 1):
                batch = next(batches)
                if previous is None:  # ahead of time: then no later step can compile unnoticed
                    step_fn = step_fn.lower(state, batch, rng).compile()
                state, metrics = step_fn(state, batch, rng)
                # Stay at most one step ahead of the devices, so that batches do not pile up.
                jax.block_until_ready(previous)
                previous = metrics["loss"]
                log.advance(settings.batch_size)
                last = step == settings.num_steps
                log_now = step % settings.log_every == 0 or last
                evaluate_now = step % settings.eval_every == 0 or last
                if evaluate_now or stop_requested():
                    check_finite(state, metrics, settings, checkpoints)
                elif log_now:  # then the parameters need not be fetched
                    check_finite(state._replace(params={}), metrics, settings, checkpoints)
                if log_now:
                    log.metrics(step, "train", metrics)
                if evaluate_now:
                    scores = run.evaluate(state)
                    for name, values in scores.items():
                        log.metrics(step, name, values)
                    _show(pictures, state, figure_folder, log)
                    checkpoints.save(state, headline(scores))
                if stop_requested():
                    checkpoints.save(state)
                    log.say(f"stopped after step {step}; the same command goes on from there")
                    return state
            if start < settings.num_steps or not (figure_folder / RECONSTRUCTIONS_GIF).exists():
                _animate(pictures, state, figure_folder)
    return state


def headline(scores: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The scores of the first evaluation with the best metric, or None."""
    return next((values for values in scores.values() if BEST_METRIC in values), None)


def _show(pictures: Pictures, state: TrainState, folder: Path, log: RunLog) -> None:
    step = int(state.step)
    for name, picture in pictures.panels(state):
        figures.save_png(folder / f"{name}_{step:07d}.png", picture)
        log.image(step, name, picture)


def _animate(pictures: Pictures, state: TrainState, folder: Path) -> None:
    """Traversals of the final model, and how reconstructions came to be, as GIFs."""
    frames = pictures.traversal_frames(state)
    if frames is not None:
        figures.save_gif(folder / TRAVERSALS_GIF, frames)
    over_time = [figures.load_png(path) for path in sorted(folder.glob("reconstructions_*.png"))]
    if over_time:  # none in a folder that a sweep has trained to the end
        figures.save_gif(folder / RECONSTRUCTIONS_GIF, np.stack(over_time), fps=4)


def _make_folder(workdir: Path) -> None:
    try:
        workdir.mkdir(parents=True, exist_ok=True)
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


def check_finite(
    state: TrainState, metrics: Metrics, settings: TrainSettings, checkpoints: Checkpoints
) -> None:
    """Raise before a state that is beyond repair is evaluated or saved.

    Args:
        state: after a step.
        metrics: of the step: loss and gradient are those of the parameters before it.
        settings: of the run.
        checkpoints: of the run, for the message.

    Raises:
        FloatingPointError: loss, gradient or parameters are not finite, or too many steps in a row
            were skipped.
    """
    values = {name: float(metrics[name]) for name in ("loss", "grad_norm")}
    found = [f"{name} is {x}" for name, x in values.items() if not math.isfinite(x)]
    if settings.skip_factor is not None:
        in_a_row = int(state.guard.num_in_a_row)
        if in_a_row < min(MAX_SKIPPED, settings.num_steps):
            found = []
        else:
            found.insert(0, f"{in_a_row} steps in a row were skipped")
    if not all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(state.params)):
        found.append("parameters are not finite")
    if found:
        raise FloatingPointError(
            f"{', '.join(found)} at step {int(state.step)}; the latest checkpoint is of step "
            f"{checkpoints.latest_step}. Try a smaller config.optimizer.learning_rate, or "
            "config.optimizer.clip_norm"
        )


@contextmanager
def stop_requests() -> Iterator[Callable[[], bool]]:
    """Whether SIGINT or SIGTERM has come: the step at hand is then finished and saved.

    A second signal acts as it would have without this.
    """
    received: list[int] = []
    previous: dict[int, Any] = {}

    def note(number: int, frame: Any) -> None:
        received.append(number)
        signal.signal(number, previous[number])

    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            previous[number] = signal.signal(number, note)
    except ValueError:  # not in the main thread: whoever runs us there handles signals
        pass
    try:
        yield lambda: bool(received)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
