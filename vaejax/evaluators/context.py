"""What an evaluation is, and what it may use of a run."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from jax.sharding import Mesh

from vaejax.data import Source, Splits, Subset, batch_indices
from vaejax.train_state import TrainState
from vaejax.types import Objective

Evaluator = Callable[[TrainState], Iterator[tuple[str, Any]]]


class Context(NamedTuple):
    """What evaluations and pictures may use of a run; of a model, the objective's views."""

    objective: Objective
    splits: Splits
    mesh: Mesh
    seed: int


def some_examples(source: Source, num_examples: int) -> Source:
    """A random subset of a source, the same every time; all of it where it has no more."""
    num_examples = min(num_examples, len(source))
    return Subset(source, batch_indices(0, 0, len(source), num_examples))


def pick_split(splits: Splits, name: str) -> Source:
    """The source of a split; a ValueError naming those there are, if it is not one of them."""
    if name not in splits:
        raise ValueError(f"split: expected one of {sorted(splits)}, got {name!r}")
    return splits[name]
