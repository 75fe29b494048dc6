"""Scores of a table of codes, each with a 95 % interval.

The interval is for the expected score of fresh images in the number n that a score is of: scores of
few images lie elsewhere than those of many, so that another n has another expectation.

Of many images, N >= R n, R tables without a common image are scored; they are independent, and the
interval is that of their mean. Of fewer, one table is scored, and R random halves of it say how
far its score may be off, see `halves_interval`. What a metric draws itself it draws every time, so
that its noise counts too.

A metric that fits a predictor to images has them divided beforehand, and each part is halved: none
is both fitted to and scored on. The pairs of `beta_vae_score` and the votes of `factor_vae_score`
are drawn from all images for both, as published: pairs from a part of them repeat images more
often, which costs more than sharing them (of 10,000, codes of noise score 0.208 shared, 0.220
divided; of infinitely many, 0.2).

All tables have the same factors: one that does not vary in one of them is left out of all. Where it
is in a half that a factor does not vary, there is no interval, as a score of other factors says
nothing of how far this one may be off.
"""

import math
import warnings
from collections.abc import Callable, Mapping, Sequence

import jax
import numpy as np

from vaejax.metrics.draws import host_generator
from vaejax.metrics.intervals import halves_interval, mean_interval
from vaejax.metrics.left_out import Kept, varying
from vaejax.metrics.naming import factors_named, with_names
from vaejax.metrics.records import Metric
from vaejax.metrics.scores import Scores
from vaejax.metrics.table import Table
from vaejax.types import Array

# What is said of a table, where it holds, and is not said again of its halves.
SAID_OF_ALL = ".* points; scores of fewer than|left out: |factors: .* rows, most of them once"


def estimates(
    metric: Metric,
    table: Table,
    rng: Array,
    *,
    num_points: int,
    num_repeats: int,
    say: Callable[[str], None] = print,
) -> Scores:
    """Every scalar that a metric returns as an `Estimate`, with an interval where one can be had.

    Its record is the metric's own, and `num_images`, those that a score is of, and `interval`, what
    the interval was made of.

    Args:
        metric: with its settings bound.
        table: what it is given.
        rng: key.
        num_points: n, images that a score is of, or all where there are fewer; a metric that draws
            rows itself has the number from its own arguments.
        num_repeats: R, tables or halves; one is none, and then there are no intervals.
        say: told of the progress of a metric that takes minutes.
    """
    rows_rng, *rngs = jax.random.split(rng, 2 + num_repeats)
    draws, num_images = host_generator(rows_rng), len(table.means)
    sizes = metric.sizes(metric.settings, num_images, num_points)
    num_tables = num_repeats if num_images >= num_repeats * sum(sizes) else 1
    chosen = draws.permutation(num_images)[: num_tables * sum(sizes)].reshape(num_tables, -1)
    parts = [np.split(rows, np.cumsum(sizes)[:-1]) for rows in chosen]
    of_factors = "factors" in metric.takes
    without: tuple[str, ...] = ()
    if of_factors:
        table, without = _of_factors_that_vary(table, parts)
    scores = [_scores(metric, table, *given, say) for given in zip(parts, rngs, strict=False)]
    record = {**scores[0].record, "num_images": sum(sizes)}
    if without:
        record["left_out"] = (*without, *record.get("left_out", ()))
    if num_tables == num_repeats:
        made_of = f"{num_tables} tables" if num_tables > 1 else "none"
        numbers = {name: mean_interval([one[name] for one in scores]) for name in scores[0]}
        return Scores(numbers, {**record, "interval": made_of})
    halves: list[Mapping[str, float]] = []
    for key in rngs[1:]:
        half = [draws.choice(part, len(part) // 2, replace=False) for part in parts[0]]
        lacks = _that_vary(table, half, "half of the rows").left_out if of_factors else ()
        if lacks:
            reason = with_names("; ".join(lacks), table.factor_names())
            warnings.warn(f"no interval: {reason}", stacklevel=2)
        halves.append({} if lacks else _scores_if_any(metric, table, half, key, say))
    numbers = {
        name: halves_interval(value, [half.get(name, math.nan) for half in halves])
        for name, value in scores[0].items()
    }
    return Scores(numbers, {**record, "interval": f"{num_repeats} halves"})


def _scores(
    metric: Metric,
    table: Table,
    parts: Sequence[np.ndarray],
    rng: Array,
    say: Callable[[str], None],
) -> Scores:
    """The scalars of the rows `parts` of a table, one set or two, and the metric's record."""
    given: dict[str, object] = {"rng": rng} if metric.draws else {}
    if metric.says:
        given["say"] = say
    if len(parts) > 1:
        given["rows"] = tuple(parts)
    else:
        table = table.rows(parts[0])
    columns, names = table.columns(), table.factor_names()
    with factors_named(names):
        result = metric(*(columns[name] for name in metric.takes), **given)
    if not isinstance(result, Mapping):
        raise ValueError(f"metric: expected numbers by name, got {type(result).__name__}")
    arrays = {name: np.asarray(value) for name, value in result.items()}
    scalars = {
        name: float(array)
        for name, array in arrays.items()
        if array.ndim == 0 and np.issubdtype(array.dtype, np.number)
    }
    record = dict(getattr(result, "record", {}))
    if "left_out" in record:
        record["left_out"] = tuple(with_names(text, names) for text in record["left_out"])
    return Scores(scalars, record)


def _of_factors_that_vary(
    table: Table, tables: Sequence[Sequence[np.ndarray]]
) -> tuple[Table, tuple[str, ...]]:
    """A table without the factors whose rare values some tables drawn from it lack, and why.

    Where none varies in all, it is for the metric to say what it needs.
    """
    kept = [_that_vary(table, parts, "rows drawn") for parts in tables]
    columns = sorted(set.intersection(*(set(one.columns.tolist()) for one in kept)))
    if len(columns) in (0, table.factors.shape[1]):
        return table, ()
    names = table.factor_names()
    said = dict.fromkeys(with_names(text, names) for one in kept for text in one.left_out)
    warnings.warn(f"left out: {'; '.join(said)}", stacklevel=3)
    return table.of_factors(columns), tuple(said)


def _that_vary(table: Table, parts: Sequence[np.ndarray], what: str) -> Kept:
    """The factors that vary in each of the sets of rows, one or two, of a table.

    Of a single set, all rows of a score, a value that occurs once only says nothing.
    """
    sets = [(what, table.factors[rows]) for rows in parts]
    return varying(*sets, at_least=0, times=2 if len(sets) == 1 else 1)


def _scores_if_any(
    metric: Metric,
    table: Table,
    parts: Sequence[np.ndarray],
    rng: Array,
    say: Callable[[str], None],
) -> Mapping[str, float]:
    """As `_scores`; none where the metric is not defined on so few rows."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", SAID_OF_ALL)
        try:
            return _scores(metric, table, parts, rng, say)
        except ValueError:
            return {}
