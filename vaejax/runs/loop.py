"""The training loop.

A run may be stopped at any time and started again with the same arguments: it goes on where it
stopped, and its metrics and final state are those of a run that was never stopped.
"""

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import jax
import ml_collections

from vaejax import data
from vaejax.core.files import remove_unfinished
from vaejax.core.mesh import batch_sharding
from vaejax.runs.checkpoint import Checkpoints
from vaejax.runs.config import ConfigError
from vaejax.runs.config_values import as_json
from vaejax.runs.console import compiling
from vaejax.runs.ending import ending
from vaejax.runs.health import check_finite
from vaejax.runs.kept_config import CHECKPOINTS, check_same_run, keep_config
from vaejax.runs.kept_data import check_same_data, fingerprint, keep_data
from vaejax.runs.log import RunLog
from vaejax.runs.looks import FIGURES, Looks
from vaejax.runs.metric_lines import TRAIN
from vaejax.runs.occupied import occupied
from vaejax.runs.scores import is_due, is_early
from vaejax.runs.setup import (
    Run,
    build,
    initial_state,
    refusals,
    restored_state,
    step_rng,
    train_step,
)
from vaejax.runs.sinks import check_installed
from vaejax.runs.stop_requests import stop_requests
from vaejax.training.devices import sharded_step
from vaejax.training.state import TrainState, count_parameters


def train(config: ml_collections.ConfigDict, workdir: str | Path) -> TrainState:
    """Train to `config.train.num_steps`, from the latest checkpoint in `workdir` if there is one.

    Args:
        config: of the run; kept in `workdir/config.json`.
        workdir: receives `metrics.jsonl`, `units.json`, `tensorboard/`, `checkpoints/`, `figures/`,
            `data.json` (the fingerprint of the data) and, where a score or a picture fails,
            `errors.txt`.

    Returns:
        The final state, or that of the step at which SIGINT or SIGTERM asked to stop.

    Raises:
        ConfigError: the configuration cannot be run, or `workdir` holds a run of another one, or
            of other data, or another process trains there.
        FloatingPointError: the loss is no longer finite, or all late steps were skipped.
    """
    run, workdir = build(config), Path(workdir)
    _check_log(run.settings.log)
    values = as_json(config)
    about = {"config": values, "drawn": False}
    seen = fingerprint(config.data.name, run.context.splits)
    _make_folder(workdir)
    best_metric = run.settings.best_metric
    with (
        occupied(workdir),
        closing(
            Checkpoints(workdir / CHECKPOINTS, best_metric=best_metric, about=about)
        ) as checkpoints,
    ):
        resumed = checkpoints.latest_step is not None
        if resumed:
            check_same_run(workdir, config)
            check_same_data(workdir, seen)
        remove_unfinished(workdir)
        keep_config(workdir, config)
        keep_data(workdir, seen)
        if not resumed and jax.process_index() == 0:
            print(compiling("the initial state", first=True), flush=True)
        state = restored_state(run, checkpoints) if resumed else initial_state(run)
        start = int(state.step)
        known = checkpoints.known(start) if resumed else {}
        evaluated = known.get("metrics", {}) is not None
        log = RunLog(
            workdir,
            num_steps=run.settings.num_steps,
            step=start,
            evaluated=evaluated,
            units=run.units,
            sinks=run.settings.log,
            config=values,
        )
        with closing(log), stop_requests() as stop_requested:
            log.say(_summary(run, state, workdir))
            looks = Looks(run, workdir, checkpoints, log)
            if is_due(start, run.settings):  # and a kill came before
                if not evaluated:
                    looks.evaluate(state)
                if not known.get("drawn", True):
                    looks.draw(state)
                    known["animated"] = True
            if start >= run.settings.num_steps and not known.get("animated"):
                looks.animate(state)
            if start == 0 or is_early(start, run.settings):
                log.say(f"drawing the start into {workdir / FIGURES}")
                looks.sketch(state)
            begin = time.perf_counter()
            state = _take_steps(run, state, checkpoints, log, looks, stop_requested)
            step = int(state.step)
            if step >= run.settings.num_steps:
                scores = looks.scores or known.get("metrics") or {}
                spent = (step - start, time.perf_counter() - begin)
                log.say(ending(workdir, run, scores, *spent))
            return state


def _take_steps(
    run: Run,
    state: TrainState,
    checkpoints: Checkpoints,
    log: RunLog,
    looks: Looks,
    stop_requested: Callable[[], bool],
) -> TrainState:
    """The steps from a state on to the end, or until `stop_requested`.

    What is due after a step comes in this order, so that nothing is lost by what comes later: it is
    logged, saved, evaluated, drawn.
    """
    settings, mesh, start = run.settings, run.context.mesh, int(state.step)
    rng = step_rng(settings)
    step_fn: Any = sharded_step(train_step(run.context.objective, run.optimizer, settings), mesh)
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
                log.say(compiling("the training step", first=start > 0))
                begin = time.perf_counter()
                with refusals():
                    step_fn = step_fn.lower(state, batch, rng).compile()
                log.say(f"compiled in {time.perf_counter() - begin:.0f} s")
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
            elif is_early(step, settings) and not stopping:
                looks.sketch(state)
            if stopping:
                log.say(f"stopped after step {step}; the same command goes on from there")
                break
    return state


def _check_log(text: str) -> None:
    try:
        check_installed(text)
    except ValueError as error:
        raise ConfigError(f"config.train.{error}") from error


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
        f"{type(run.model).__name__}, {count_parameters(state.params):,} parameters; "
        f"{len(run.source):,} images; {jax.device_count()} x {jax.devices()[0].device_kind}; "
        f"{begin} in {workdir}"
    )
