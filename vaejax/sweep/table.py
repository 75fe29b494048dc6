"""The numbers of a sweep: one row per point and metric, with what the seeds say of its accuracy."""

import csv
import io
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from vaejax.core.files import write_whole
from vaejax.metrics import mean_interval
from vaejax.runs.units import INTERVAL, read_units, unit
from vaejax.sweep.members import Member


class Row(NamedTuple):
    """A metric at the end of training, over the seeds of a point.

    Attributes:
        point: the swept values by key.
        split: where the metric was taken: "train" (the last batch), "test/bound", ...
        metric: its name.
        unit: of its values, "" for plain numbers.
        values: by seed, of the members that are finished and did not diverge.
        mean: of the values.
        std: their standard deviation (n - 1), NaN for a single one.
        low: lower end of the 95 % interval for the expected value over seeds, by Student's t; NaN
            for a single value, and where all are equal.
        high: upper end.
        num_diverged: seeds left out because their training diverged.
    """

    point: dict[str, Any]
    split: str
    metric: str
    unit: str
    values: dict[int, float]
    mean: float
    std: float
    low: float
    high: float
    num_diverged: int


def table(members: Sequence[Member]) -> list[Row]:
    """The rows of all points, of members that are finished.

    Vectors, and the intervals of an evaluation, which are over images and not over seeds, stay in
    their `metrics.jsonl`. A point whose members all diverged has a single row, without a metric.
    """
    points: dict[str, list[Member]] = {}
    for member in members:
        if member.finished:
            points.setdefault(json.dumps(member.point), []).append(member)
    return [row for seeds in points.values() for row in _rows(seeds)]


def _rows(members: Sequence[Member]) -> list[Row]:
    """The rows of the members of one point."""
    healthy = {m.seed: m.last_metrics() for m in members if not m.diverged}
    num_diverged = len(members) - len(healthy)
    values: dict[tuple[str, str], dict[int, float]] = {}
    for seed, splits in healthy.items():
        for split, metrics in splits.items():
            for metric, value in metrics.items():
                single = not isinstance(value, list) and not metric.endswith(INTERVAL)
                if metric != "step" and single:
                    values.setdefault((split, metric), {})[seed] = _number(value)
    point, units = dict(members[0].point), read_units(members[0].workdir)
    if not values:
        return [Row(point, "", "", "", {}, math.nan, math.nan, math.nan, math.nan, num_diverged)]
    return [
        Row(
            point,
            split,
            metric,
            unit(metric, units.get(split, {})),
            given,
            *mean_interval(list(given.values())),
            num_diverged,
        )
        for (split, metric), given in values.items()
    ]


def _number(value: float | None) -> float:
    """What a log holds as null was not finite."""
    return math.nan if value is None else float(value)


def write_table(rows: Sequence[Row], folder: Path) -> None:
    """Write `results.csv` and `results.jsonl`: a row per point and metric, a column per swept key.

    A number that is not finite is empty in the one and null in the other; only the second has the
    values of the single seeds.
    """
    records = [_record(row) for row in rows]
    lines = [json.dumps(record, allow_nan=False) + "\n" for record in records]
    write_whole(folder / "results.jsonl", "".join(lines))
    columns = [name for name in records[0] if name != "values"] if records else []
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(records)
    write_whole(folder / "results.csv", text.getvalue())


def _record(row: Row) -> dict[str, Any]:
    def finite(value: float) -> float | None:
        return value if math.isfinite(value) else None

    def plain(value: Any) -> Any:  # JSON has no infinity
        return str(value) if isinstance(value, float) and math.isinf(value) else value

    return {
        **{key: plain(value) for key, value in row.point.items()},
        "split": row.split,
        "metric": row.metric,
        "unit": row.unit,
        "mean": finite(row.mean),
        "std": finite(row.std),
        "low": finite(row.low),
        "high": finite(row.high),
        "num_seeds": len(row.values),
        "num_diverged": row.num_diverged,
        "values": {str(seed): finite(value) for seed, value in row.values.items()},
    }
