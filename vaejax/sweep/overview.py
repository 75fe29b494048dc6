"""A sweep at a glance: a line per point, a column per score, the best of each marked.

What every metric was, of every split, is in the long `table`.
"""

import csv
import io
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from vaejax.core.files import write_whole
from vaejax.core.text_tables import aligned, markdown
from vaejax.metrics import METRICS
from vaejax.runs.metric_lines import TRAIN
from vaejax.runs.units import INTERVAL
from vaejax.sweep.table import Row

HEADLINE = ("elbo", "log_px", "kl")  # of an evaluation of the bound
SCORES = "disentanglement/"  # in front of the scores of codes
HIGHEST = {"elbo", "log_likelihood"} | {
    name for metric in METRICS.values() for name in metric.highest
}
"""Metrics that are the better the higher they are. Of a KL or a reconstruction alone no value is
the best: each can be had at the other's cost."""

Column = tuple[str, str]
"""Split and metric."""


class Line(NamedTuple):
    """A point of a sweep.

    Attributes:
        point: the swept values by key.
        num_seeds: that its means are over.
        num_diverged: left out of them.
        cells: the rows of the table by column.
        best: the columns in which its mean is the best of all points.
    """

    point: Mapping[str, Any]
    num_seeds: int
    num_diverged: int
    cells: Mapping[Column, Row]
    best: frozenset[Column]


def columns_of(rows: Iterable[Row]) -> list[Column]:
    """The bound and its parts, then the scores of the models; of models without any, the loss.

    What is of a baseline, of training images, or a count of images is none of them.
    """
    split = bound_split(rows := list(rows))
    there = {(row.split, row.metric) for row in rows if row.values}
    found = [(split, metric) for metric in HEADLINE if (split, metric) in there]
    found += sorted(column for column in there - set(found) if _is_score(*column, split))
    return found or [(TRAIN, "loss")]


def bound_split(rows: Iterable[Row]) -> str:
    """Where the bound was evaluated; the training batches, if nowhere else."""
    splits = [row.split for row in rows if row.metric == "elbo"]
    return next((split for split in splits if split != TRAIN), TRAIN)


def short(key: str) -> str:
    """A key without its section: `beta` of `objective.beta`."""
    return key.partition(".")[2] or key


def title(column: Column, columns: Sequence[Column], unit: str = "") -> str:
    """What a column is called: the metric, with its split where another has the same, and unit."""
    split, metric = column
    several = sum(metric == other for _, other in columns) > 1
    name = metric.removeprefix(SCORES)
    name = f"{split} {name}" if several else name
    return f"{name}, {unit}" if unit else name


def overview(rows: Sequence[Row], best_metric: str = "elbo") -> list[Line]:
    """A line per point, in the order of the table.

    Args:
        rows: of `table`.
        best_metric: by which the runs choose their best checkpoint; with a minus in front, the
            lowest is the best.
    """
    columns, of_points = columns_of(rows), dict[str, list[Row]]()
    for row in rows:
        of_points.setdefault(json.dumps(row.point), []).append(row)
    cells_of = [
        {(row.split, row.metric): row for row in some if (row.split, row.metric) in columns}
        for some in of_points.values()
    ]
    best = {column: _best(column, cells_of, best_metric) for column in columns}
    return [
        Line(
            some[0].point,
            max(len(row.values) for row in some),
            some[0].num_diverged,
            cells,
            frozenset(c for c, row in cells.items() if row.mean == best[c]),
        )
        for some, cells in zip(of_points.values(), cells_of, strict=True)
    ]


def as_text(lines: Sequence[Line], width: int | None = None) -> str:
    """A table for a terminal of so many characters; the best of each column has a star."""
    rows = _cells(lines, lambda text: f"{text} *")
    return f"{aligned(rows, width=width)}\n\n{_legend(lines, '*')}"


def as_markdown(lines: Sequence[Line]) -> str:
    """The same as Markdown; the best is bold."""
    rows = _cells(lines, lambda text: f"**{text}**")
    return f"{markdown(rows)}\n\n{_legend(lines, 'bold')}"


def write_overview(lines: Sequence[Line], folder: Path) -> None:
    """Write `table.md`, and `table.csv`: per score a mean, its interval, whether it is the best."""
    write_whole(folder / "table.md", as_markdown(lines) + "\n")
    text = io.StringIO()
    writer = csv.writer(text)
    columns = _columns(lines)
    keys = list(lines[0].point) if lines else []
    ends = ("", *INTERVAL, "_best")
    names = [title(column, columns) + end for column in columns for end in ends]
    writer.writerow([*keys, "num_seeds", "num_diverged", *names])
    for line in lines:
        numbers: list[Any] = []
        for column in columns:
            row = line.cells.get(column)
            known = (row.mean, row.low, row.high) if row else (math.nan,) * 3
            numbers += ["" if math.isnan(value) else value for value in known]
            numbers.append(int(column in line.best))
        writer.writerow([*line.point.values(), line.num_seeds, line.num_diverged, *numbers])
    write_whole(folder / "table.csv", text.getvalue())


def _cells(lines: Sequence[Line], mark: Callable[[str], str]) -> list[list[str]]:
    columns = _columns(lines)
    units = {c: row.unit for line in lines for c, row in line.cells.items()}
    header = ["point", "seeds", *(title(c, columns, units.get(c, "")) for c in columns)]
    body = []
    for line in lines:
        name = ", ".join(f"{short(key)} {value}" for key, value in line.point.items())
        lost = f" ({line.num_diverged} diverged)" if line.num_diverged else ""
        cells = [name or "all seeds", f"{line.num_seeds}{lost}"]
        for column in columns:
            text = _text(line.cells[column]) if column in line.cells else ""
            cells.append(mark(text) if column in line.best else text)
        body.append(cells)
    return [header, *body]


def _text(row: Row) -> str:
    """A mean and its interval."""
    if math.isnan(row.mean):
        return "not finite"
    size = abs(row.mean)
    form = ".1f" if size >= 100 else ".2f" if size >= 10 else ".3f" if size >= 0.01 else ".2g"
    interval = "" if math.isnan(row.low) else f" [{row.low:{form}}, {row.high:{form}}]"
    return f"{row.mean:{form}}{interval}"


def _legend(lines: Sequence[Line], mark: str) -> str:
    several = any(not math.isnan(row.low) for line in lines for row in line.cells.values())
    what = "means, and 95 % intervals for the expected value, over seeds" if several else "one seed"
    return f"{what}; {mark}: the best mean" if any(line.best for line in lines) else what


def _columns(lines: Sequence[Line]) -> list[Column]:
    return columns_of(row for line in lines for row in line.cells.values())


def _best(column: Column, cells_of: Sequence[Mapping[Column, Row]], best_metric: str) -> float:
    """The best mean of a column; NaN where none is better than others, or there are no others."""
    metric = column[1].removeprefix(SCORES)
    lowest = best_metric.startswith("-")
    chosen_by = best_metric.removeprefix("-").removeprefix(SCORES) == metric
    means = [cells[column].mean for cells in cells_of if column in cells]
    means = [mean for mean in means if not math.isnan(mean)]
    if len(means) < 2 or column[0] == TRAIN:
        return math.nan
    if chosen_by and lowest:
        return min(means)
    return max(means) if chosen_by or metric in HIGHEST else math.nan


def _is_score(split: str, metric: str, bound: str) -> bool:
    """Whether it scores models; `disentanglement/pca/mig` does not, it is of a baseline."""
    name = metric.removeprefix(SCORES)
    if split in (TRAIN, bound) or name.startswith("num_") or metric.count("/") > 1:
        return False
    return not name.endswith(("_std", "_train", "_bpd", *INTERVAL))
