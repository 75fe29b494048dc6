"""Evaluations as data: `config.eval = {name: kwargs}`, each a function of this module.

An evaluator is made once per run, `name(context, **kwargs)`, and then called with a state as often
as one likes; it yields `(name, value)`, so what it compiled is reused.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh

from vaejax.data import Source, Splits, Subset, batch_indices, eval_batches
from vaejax.parallel import batch_sharding
from vaejax.randomness import stream
from vaejax.steps import make_eval_step, sharded_step
from vaejax.train_state import TrainState
from vaejax.types import Objective

Evaluator = Callable[[TrainState], Iterator[tuple[str, Any]]]


class Context(NamedTuple):
    """What evaluations and pictures may use of a run."""

    model: Any
    objective: Objective
    splits: Splits
    mesh: Mesh
    seed: int


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
    step = sharded_step(make_eval_step(context.objective), context.mesh, donate=False)
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


def some_examples(source: Source, num_examples: int) -> Source:
    """A random subset of a source, the same every time; all of it where it has no more."""
    num_examples = min(num_examples, len(source))
    return Subset(source, batch_indices(0, 0, len(source), num_examples))


def pick_split(splits: Splits, name: str) -> Source:
    """The source of a split; a ValueError naming those there are, if it is not one of them."""
    if name not in splits:
        raise ValueError(f"split: expected one of {sorted(splits)}, got {name!r}")
    return splits[name]
