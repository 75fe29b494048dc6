"""The objective's own numbers, averaged over a split."""

import functools
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from vaejax.data import eval_batches
from vaejax.evaluators.context import Context, Evaluator, pick_split, some_examples
from vaejax.parallel import batch_sharding
from vaejax.randomness import stream
from vaejax.steps import EvalStep, make_eval_step, sharded_step
from vaejax.train_state import TrainState
from vaejax.types import Objective


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
        num_examples: how many examples to use, always the same random ones; None uses all.

    Returns:
        An evaluator that yields the objective's metrics under their names, and `num_examples`.
    """
    source = pick_split(context.splits, split)
    num_devices = context.mesh.size
    if batch_size < 1 or batch_size % num_devices:
        raise ValueError(
            f"batch_size: expected a multiple of {num_devices} devices, got {batch_size}"
        )
    if num_examples is not None:
        if num_examples < 1:
            raise ValueError(f"num_examples: expected at least 1, got {num_examples}")
        source = some_examples(source, num_examples)
    step = _eval_step(context.objective, context.mesh)
    base_rng = stream(context.seed, "eval")

    def evaluate(state: TrainState) -> Iterator[tuple[str, Any]]:
        totals, count = None, 0.0
        sharding = batch_sharding(context.mesh)
        for i, batch in enumerate(eval_batches(source, batch_size, sharding=sharding)):
            rng = jax.random.fold_in(base_rng, i)
            means = jax.device_get(step(state, batch, rng))
            examples = float(means.pop("num_examples"))
            weighted = jax.tree.map(lambda mean, n=examples: np.float64(mean) * n, means)
            totals = weighted if totals is None else jax.tree.map(np.add, totals, weighted)
            count += examples
        for name, total in totals.items():
            yield name, total / count
        yield "num_examples", count

    return evaluate


@functools.lru_cache(maxsize=8)
def _eval_step(objective: Objective, mesh: Mesh) -> EvalStep:
    """The step, compiled once for all runs that share an objective (the models of a sweep)."""
    return sharded_step(make_eval_step(objective), mesh, donate=False)
