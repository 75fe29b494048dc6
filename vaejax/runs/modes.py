"""What can be done with a trained run besides training it: evaluate it, sample from it."""

import io
import math
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Literal

import jax
import ml_collections
import numpy as np

from vaejax.core.checks import is_number
from vaejax.core.files import write_whole
from vaejax.core.mesh import replicated
from vaejax.core.randomness import stream
from vaejax.pictures import figures
from vaejax.pictures.sampler import Sampler
from vaejax.runs import batch_statistics
from vaejax.runs.batch_statistics import BATCH_STATS, load_batch_stats, save_batch_stats
from vaejax.runs.checkpoint import Checkpoints
from vaejax.runs.config import ConfigError
from vaejax.runs.evaluation_file import write_evaluation
from vaejax.runs.failures import ERRORS_FILE, FailedEvaluation
from vaejax.runs.kept_config import CHECKPOINTS, check_same_run
from vaejax.runs.kept_data import check_same_data, fingerprint
from vaejax.runs.log import interval_text
from vaejax.runs.scores import scores_of
from vaejax.runs.setup import Run, build, restored_state
from vaejax.runs.units import INTERVAL, unit
from vaejax.training.state import TrainState
from vaejax.types import ModelState, Params, Temperature

Which = Literal["latest", "best"]


def evaluate(config: ml_collections.ConfigDict, workdir: Path, which: Which = "latest") -> dict:
    """Print the scores of a checkpoint and keep them in `workdir/evaluation_<step>.json`.

    Raises:
        ConfigError: the configuration cannot be evaluated, or is not that of the run.
        FailedEvaluation: some evaluations failed; the scores of the others are kept.
    """
    run, state = restored(config, workdir, which)
    step = int(state.step)
    failed: list[str] = []
    scores = scores_of(run.evaluators, state, workdir, print, failed=failed)
    for name, values in scores.items():
        print(f"{name} ({which} checkpoint, step {step})")
        units = run.units.get(name, {})
        for metric, value in values.items():
            if np.ndim(value) == 0 and not metric.endswith(INTERVAL):
                interval = interval_text(values, metric)
                print(f"  {metric:24} {float(value):12.5g}{interval}  {unit(metric, units)}")
    print("[low, high]: 95 % intervals for the expected value of fresh images in the same number")
    print(f"written to {write_evaluation(workdir, step, scores)}")
    if failed:
        raise FailedEvaluation(f"{', '.join(sorted(failed))}: failed, see {workdir / ERRORS_FILE}")
    return scores


def sample(
    config: ml_collections.ConfigDict,
    workdir: Path,
    which: Which = "latest",
    *,
    temperature: Sequence[float] = (1.0,),
    shared_groups: int = 0,
    reestimate: bool = False,
) -> Path:
    """Sample a checkpoint into `workdir`, as pictures and as an array.

    Args:
        config: of the run; its data are not needed where `config.model.image_shape` is given.
        workdir: of the run; receives `samples_<step>.png` and `.npy`, `interpolations_<step>.png`.
        which: checkpoint.
        temperature: of the priors, one for all latent groups or one for each, top first.
        shared_groups: so many groups from the top are the same in all samples of a row.
        reestimate: use batch statistics of samples at this temperature; they are kept in `workdir`
            and estimated only once.

    Returns:
        The picture of the samples.

    Raises:
        ConfigError: what is asked for does not fit the run.
    """
    if not temperature or not all(is_number(x) and 0 <= x < math.inf for x in temperature):
        raise ConfigError(f"--temperature: expected numbers >= 0, got {temperature}")
    run, state = restored(config, workdir, which, for_sampling=True)
    step = int(state.step)
    scales = temperature[0] if len(temperature) == 1 else tuple(temperature)
    params, model_state = state.ema_params, state.model_state
    try:
        if reestimate:
            name = f"batch_stats_{step}_temperature_{','.join(f'{t:g}' for t in temperature)}.npz"
            model_state = _reestimated(run, params, model_state, scales, workdir / name)
        sampler = Sampler(run.context, run.held_out, temperature=scales)
        images = sampler.samples(params, model_state, shared_groups=shared_groups)
        has_path = run.context.objective.views.path is not None
        between = sampler.interpolations(params, model_state) if has_path else None
    except ConfigError:
        raise
    except ValueError as error:  # messages begin with the argument's name, which is the flag's
        raise ConfigError(f"--{error}") from error
    path = workdir / f"samples_{step}.png"
    figures.save_png(path, figures.samples(images))
    content = io.BytesIO()
    np.save(content, np.asarray(images))
    write_whole(path.with_suffix(".npy"), content.getvalue())
    print(f"written to {path}, {path.with_suffix('.npy')} (float32 in [0, 1], {images.shape})")
    if between is None:
        print("no interpolations: the objective has no view path")
    else:
        figures.save_png(workdir / f"interpolations_{step}.png", figures.samples(between))
        print(f"and, from draw to draw, to {workdir / f'interpolations_{step}.png'}")
    return path


def _reestimated(
    run: Run, params: Params, model_state: ModelState, temperature: Temperature, path: Path
) -> ModelState:
    """With batch statistics of samples at a temperature: those in `path`, or else written there."""
    try:
        kept = load_batch_stats(path, params)
    except ValueError as error:
        raise ConfigError(f"--reestimate: {error}") from error
    if kept is not None:
        print(f"batch statistics re-estimated before, from {path}")
        return {**model_state, BATCH_STATS: jax.device_put(kept, replicated(run.context.mesh))}
    rng, views = stream(run.settings.seed, "batch statistics"), run.context.objective.views
    estimate = jax.jit(partial(batch_statistics.reestimate, views, temperature=temperature))
    model_state = estimate(params, model_state, rng)
    save_batch_stats(path, model_state[BATCH_STATS], params)
    print(f"batch statistics re-estimated from samples, kept in {path}")
    return model_state


def restored(
    config: ml_collections.ConfigDict,
    workdir: Path,
    which: Which = "latest",
    *,
    for_sampling: bool = False,
) -> tuple[Run, TrainState]:
    """The run of a configuration, see `build`, and the state of a checkpoint in its folder.

    Raises:
        ConfigError: there is none, or it is of another configuration, or of other data.
    """
    run = build(config, for_sampling=for_sampling)
    return run, state_in(run, config, workdir, which)


def state_in(
    run: Run, config: ml_collections.ConfigDict, workdir: Path, which: Which = "latest"
) -> TrainState:
    """The state of a checkpoint of a run in its folder.

    Raises:
        ConfigError: there is none, or it is of another configuration, or of other data.
    """
    if not (workdir / CHECKPOINTS).is_dir():
        raise ConfigError(f"--workdir: expected a folder with checkpoints, got {workdir}")
    check_same_run(workdir, config)
    if len(run.source):
        check_same_data(workdir, fingerprint(config.data.name, run.context.splits))
    best_metric = run.settings.best_metric
    with closing(Checkpoints(workdir / CHECKPOINTS, best_metric=best_metric)) as checkpoints:
        try:
            return restored_state(run, checkpoints, which)
        except (FileNotFoundError, ValueError) as error:
            raise ConfigError(f"--workdir: {error}") from error
