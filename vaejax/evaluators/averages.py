"""Averages over a split: what evaluators that look at every example once have in common."""

from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from vaejax.core.checks import check_counts
from vaejax.core.mesh import batch_sharding, check_batch_size
from vaejax.core.randomness import stream
from vaejax.data import eval_batches
from vaejax.evaluators.context import Context, Evaluator, pick_split, some_examples
from vaejax.metrics import mean_interval
from vaejax.training.state import TrainState
from vaejax.training.step import EvalStep
from vaejax.types import PER_EXAMPLE


def averaged(
    context: Context, step: EvalStep, *, split: str, batch_size: int, num_examples: int | None
) -> Evaluator:
    """An evaluator that yields the metrics of `step` averaged over a split, and `num_examples`.

    Of a metric whose values per example are known it also yields, with `_low` and `_high`, a 95 %
    interval for the expected value over fresh images (Student's t; NaN for a single image).

    Args:
        context: of the run.
        step: `(state, batch, rng) -> metrics`, compiled for `context.mesh`: means over the examples
            that `batch["mask"]` counts, `num_examples`, how many these are, and `PER_EXAMPLE` if
            there is something. All batches have the same key: an example's noise is a function of
            the key and its index.
        split: name of a split of the data set.
        batch_size: images per batch over all devices.
        num_examples: how many examples to use, always the same random ones; None uses all.
    """
    source = pick_split(context.splits, split)
    check_batch_size(context.mesh.size, batch_size)
    if num_examples is not None:
        check_counts(num_examples=(num_examples, 1))
        source = some_examples(source, num_examples)
    rng = stream(context.seed, "eval")

    def evaluate(state: TrainState) -> Iterator[tuple[str, Any]]:
        totals: Any = None
        count = 0.0
        examples_of: dict[str, list[np.ndarray]] = {}
        sharding = batch_sharding(context.mesh)
        for batch in eval_batches(source, batch_size, sharding=sharding):
            means = jax.device_get(step(state, batch, rng))
            examples = float(means.pop("num_examples"))
            values = means.pop(PER_EXAMPLE, {})
            mask = values.pop("mask", None)
            for name, some in values.items():
                examples_of.setdefault(name, []).append(some[mask > 0])
            weighted = jax.tree.map(lambda mean, n=examples: np.float64(mean) * n, means)
            totals = weighted if totals is None else jax.tree.map(np.add, totals, weighted)
            count += examples
        for name, total in totals.items():
            yield name, total / count
            if name in examples_of:
                interval = mean_interval(np.concatenate(examples_of[name]))
                yield f"{name}_low", interval.low
                yield f"{name}_high", interval.high
        yield "num_examples", count

    return evaluate
