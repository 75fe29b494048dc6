"""Plots of a sweep's table; they need matplotlib (`pip install 'vaejax[plots]'`).

The first swept number runs along the lines, and every combination of the others has a line of its
own. A point is the mean over seeds, with the interval of the table.
"""

import io
import math
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

from vaejax.core.files import write_whole
from vaejax.sweep.overview import SCORES, bound_split, columns_of, short
from vaejax.sweep.point_labels import Label, label_points
from vaejax.sweep.table import Row

PANEL_SIZE = (4.0, 3.2)  # inches
MAX_COLUMNS = 3
MAX_TICKS = 8  # along an axis whose ticks are written out
LEGEND_COLUMNS = 4

Line = tuple[str, list[tuple[float, Row]]]
"""A label, and a metric's rows by the swept number, which rises."""


def swept_number(rows: Sequence[Row]) -> str | None:
    """The swept key that runs along the lines: the first that holds numbers, several if any does.

    None if no key holds numbers and nothing else.
    """
    keys = rows[0].point if rows else ()
    values = {key: {row.point[key] for row in rows} for key in keys}
    numbers = [key for key in keys if all(map(_is_finite_number, values[key]))]
    return next((key for key in numbers if len(values[key]) > 1), next(iter(numbers), None))


def _is_finite_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def has_tradeoff(rows: Sequence[Row]) -> bool:
    """Whether the models know their reconstruction and their KL."""
    return {"kl", "log_px"} <= {row.metric for row in rows if row.split == bound_split(rows)}


def plot_tradeoff(rows: Sequence[Row], path: str | Path) -> None:
    """Reconstruction, -log p(x|z), against KL, both in nats per image.

    Args:
        rows: of a sweep over at least one number, see `swept_number`, with `has_tradeoff`.
        path: of the picture; its suffix tells the format (.png, .pdf, .svg).
    """
    split = bound_split(rows)
    lines = zip(_lines(rows, split, "kl"), _lines(rows, split, "log_px"), strict=True)
    figure, axes = _panels(1, scale=1.4)
    labels: list[Label] = []
    for (label, kl), (_, log_px) in lines:
        across, up = [row for _, row in kl], [row for _, row in log_px]
        x, y = [row.mean for row in across], [-row.mean for row in up]
        bars = axes[0].errorbar(
            x, y, _interval(up)[::-1], _interval(across), marker="o", capsize=2, label=label
        )
        colour = bars[0].get_color()
        labels += [
            Label(f"{value:g}", *place, colour)
            for (value, _), place in zip(kl, zip(x, y, strict=True), strict=True)
        ]
    axes[0].set(xlabel=f"KL, nats per image ({split})", ylabel="reconstruction, nats per image")
    axes[0].set_title(f"numbers at the points: {short(_across(rows))}", fontsize="medium")
    _finish(figure, axes, path, labels)


def plot_metrics(rows: Sequence[Row], path: str | Path) -> None:
    """The bound, its parts and the scores of the models against the first swept number.

    Of models that have none of these it is the loss.

    Args:
        rows: of a sweep over at least one number, see `swept_number`.
        path: of the picture; its suffix tells the format (.png, .pdf, .svg).
    """
    key = _across(rows)
    panels = columns_of(rows)
    figure, axes = _panels(len(panels))
    for axis, (split, metric) in zip(axes, panels, strict=True):
        for label, line in _lines(rows, split, metric):
            values = [value for value, _ in line]
            across = [row for _, row in line]
            means = [row.mean for row in across]
            axis.errorbar(values, means, _interval(across), marker="o", capsize=2, label=label)
        _scale(axis, {value for _, line in _lines(rows, split, metric) for value, _ in line})
        name = metric.removeprefix(SCORES)
        axis.set(xlabel=short(key), ylabel=f"{name}, {across[0].unit}".removesuffix(", "))
        axis.set_title(split, fontsize="medium")
    _finish(figure, axes, path)


def _across(rows: Sequence[Row]) -> str:
    """`swept_number` of rows that have one."""
    return cast(str, swept_number(rows))


def _lines(rows: Sequence[Row], split: str, metric: str) -> Iterator[Line]:
    """The lines of a metric of a split, called by what differs between them."""
    key = _across(rows)
    told = [k for k in rows[0].point if k != key and len({str(row.point[k]) for row in rows}) > 1]
    lines: dict[str, list[tuple[float, Row]]] = {}
    for row in rows:
        if (row.split, row.metric) == (split, metric):
            others = [f"{short(k)} {row.point[k]}" for k in told]
            lines.setdefault(", ".join(others), []).append((float(row.point[key]), row))
    for label, line in lines.items():
        yield label, sorted(line, key=lambda pair: pair[0])


def _interval(rows: Sequence[Row]) -> list[list[float]]:
    """How far the interval reaches below and above the means; NaN, no bar, where there is none."""
    return [[row.mean - row.low for row in rows], [row.high - row.mean for row in rows]]


def _scale(axis: Any, values: Collection[float]) -> None:
    """A logarithmic axis for values that span a decade, with the values themselves as its ticks."""
    if min(values) <= 0 or max(values) < 10 * min(values):
        return
    axis.set_xscale("log")
    apart = math.log(max(values) / min(values)) / MAX_TICKS
    ticks: list[float] = []
    for value in sorted(values):
        if not ticks or math.log(value / ticks[-1]) >= apart:
            ticks.append(value)
    axis.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axis.minorticks_off()


def _panels(count: int, scale: float = 1.0) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    columns = min(count, MAX_COLUMNS)
    lines = -(-count // columns)
    size = (scale * PANEL_SIZE[0] * columns, scale * PANEL_SIZE[1] * lines)
    figure = Figure(figsize=size, layout="constrained")
    return figure, figure.subplots(lines, columns, squeeze=False).flat[:count]


def _finish(figure: Any, axes: Any, path: str | Path, labels: Sequence[Label] = ()) -> None:
    """A legend below all panels, where there is more than one line; labels of the first panel."""
    for axis in axes:
        axis.grid(alpha=0.3)
    for axis in figure.axes[len(axes) :]:
        axis.remove()
    handles, names = axes[0].get_legend_handles_labels()
    if len(names) > 1:
        columns = min(len(names), LEGEND_COLUMNS if len(axes) > 1 else 3)
        figure.legend(handles, names, loc="outside lower center", ncols=columns, fontsize="small")
    label_points(axes[0], labels)
    content = io.BytesIO()
    figure.savefig(content, dpi=150, format=Path(path).suffix[1:] or "png")
    write_whole(path, content.getvalue())
