"""A table of codes and all scores asked for, one after another: the one place that does it."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import jax

from vaejax.core.randomness import stream
from vaejax.metrics.asked import Asked
from vaejax.metrics.estimates import estimates
from vaejax.metrics.records import Metric
from vaejax.metrics.scores import Scores
from vaejax.metrics.table import Table


class Found(NamedTuple):
    """What came of a score.

    Attributes:
        name: that it is asked for by.
        scores: its numbers, an `Estimate` each, and how they were computed; None if it failed.
        error: why it failed, or None.
        notes: what was warned of on the way.
    """

    name: str
    scores: Scores | None
    error: Exception | None
    notes: tuple[str, ...]


def scored(
    asked: Sequence[Asked],
    table: Table,
    seed: int,
    *,
    num_points: int,
    say: Callable[[str], None] = print,
) -> Iterator[Found]:
    """What comes of each score; one that cannot be had takes no other with it.

    Args:
        asked: the scores.
        table: what they are of.
        seed: of all that they draw.
        num_points: images that a score is of, see `estimates`.
        say: told of the progress of what takes minutes.
    """
    for i, (name, metric, num_repeats) in enumerate(asked):
        rng = jax.random.fold_in(stream(seed, "scores"), i)
        numbers, failure = None, None
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UserWarning)
            try:
                _check_columns(metric, table)
                numbers = estimates(
                    metric, table, rng, num_points=num_points, num_repeats=num_repeats, say=say
                )
            except Exception as error:  # of codes or of factors that it is not defined for
                failure = error
        notes = dict.fromkeys(str(warning.message) for warning in caught)
        yield Found(name, numbers, failure, tuple(notes))


def _check_columns(metric: Metric, table: Table) -> None:
    """Raise ValueError unless a table has the columns that a metric takes."""
    columns = table.columns()
    for column in metric.takes:
        if columns[column] is None and column not in metric.optional:
            raise ValueError(f"{column}: expected [N, D], got none")
