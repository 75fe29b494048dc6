"""What an evaluation is, and what it may use of a run."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from jax.sharding import Mesh

from vaejax.data import Source, Splits, Subset, batch_indices
from vaejax.training.state import TrainState
from vaejax.types import Objective

Evaluator = Callable[[TrainState], Iterator[tuple[str, Any]]]
"""What it yields are metrics by name; `units_of` says in which units."""


class Context(NamedTuple):
    """What evaluations and pictures may use of a run; of a model, the objective's views."""

    objective: Objective
    splits: Splits
    mesh: Mesh
    seed: int


def with_units(evaluator: Evaluator, units: Mapping[str, str]) -> Evaluator:
    """The evaluator, whose attribute `units` gives the unit of each metric that has one."""
    vars(evaluator)["units"] = dict(units)
    return evaluator


def units_of(evaluator: Evaluator) -> Mapping[str, str]:
    """The units of an evaluator's metrics by name; what is not there has none."""
    return getattr(evaluator, "units", {})


def some_examples(source: Source, num_examples: int) -> Source:
    """A random subset of a source, the same every time; all of it where it has no more."""
    num_examples = min(num_examples, len(source))
    return Subset(source, batch_indices(0, 0, len(source), num_examples))


def pick_split(splits: Splits, name: str) -> Source:
    """The source of a split; a ValueError naming those there are, if it is not one of them."""
    if name not in splits:
        raise ValueError(f"split: expected one of {sorted(splits)}, got {name!r}")
    return splits[name]
