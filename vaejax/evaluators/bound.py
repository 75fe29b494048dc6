"""The objective's own numbers, averaged over a split."""

import functools
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from vaejax.data import Source
from vaejax.evaluators.averages import averaged
from vaejax.evaluators.context import Context, Evaluator, pick_split, with_units
from vaejax.training.devices import sharded_step
from vaejax.training.state import TrainState
from vaejax.training.step import EvalStep, make_eval_step
from vaejax.types import Batch, Objective


def bound(
    context: Context,
    *,
    split: str = "test",
    batch_size: int = 256,
    num_examples: int | None = None,
) -> Evaluator:
    """The objective's metrics (ELBO, KL, ...) averaged over a split, every example once.

    Args:
        context: of the run.
        split: name of a split of the data set.
        batch_size: images per batch over all devices.
        num_examples: how many examples to use, always the same random ones; None uses all. Batches
            share them evenly; none may be alone where the objective looks at several at once.

    Returns:
        An evaluator that yields the objective's metrics under their names, and `num_examples`. Of
        `elbo`, `elbo_bpd`, `log_px` and `kl` it also yields, with `_low` and `_high`, a 95 %
        interval for the expected value over fresh images, noise of the codes included.
    """
    step = _eval_step(context.objective, context.mesh)
    average = averaged(context, step, split=split, batch_size=batch_size, num_examples=num_examples)
    source = pick_split(context.splits, split)
    count = min(len(source), num_examples or len(source))
    if count < 2 * -(-count // batch_size):
        _check_one_is_enough(context.objective, source, batch_size, count)
    return with_units(average, dict(context.objective.units))


def _check_one_is_enough(objective: Objective, source: Source, batch_size: int, count: int) -> None:
    """Raise ValueError if the objective refuses a batch of one image, as an evaluation has."""
    rng = jax.random.key(0)

    def evaluate(batch: Batch):
        params, model_state = objective.init(rng, batch)
        step: Any = np.int32(0)  # an array made here would be traced
        state = TrainState(step, params, params, model_state, opt_state=None)
        return make_eval_step(objective)(state, batch, rng)

    try:
        jax.eval_shape(evaluate, source.abstract_batch(1))
    except ValueError as error:
        raise ValueError(
            f"num_examples: expected at least 2 images in every batch, got {count} for batches of "
            f"up to {batch_size} ({error})"
        ) from error


@functools.lru_cache(maxsize=8)
def _eval_step(objective: Objective, mesh: Mesh) -> EvalStep:
    """The step, compiled once for all runs that share an objective (the models of a sweep)."""
    return sharded_step(make_eval_step(objective), mesh, donate=False)
