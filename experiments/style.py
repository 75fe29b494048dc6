"""How printed figures look. Drawing needs matplotlib (`pip install 'vaejax[plots]'`)."""

import importlib.util
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vaejax.core.files import write_whole
from vaejax.runs.config import ConfigError

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")  # Okabe and Ito, 2008
INK, PALE = "#333333", "#999999"
WIDTH = 7.5  # inches of a full page
STYLE = {
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "legend.frameon": False,
    "lines.linewidth": 1.3,
    "lines.markersize": 3.5,
    "figure.constrained_layout.use": True,
    "savefig.dpi": 200,
    "savefig.bbox": "tight",
}


def can_draw() -> bool:
    """Whether there is matplotlib."""
    return importlib.util.find_spec("matplotlib") is not None


def check_can_draw() -> None:
    """Raise a ConfigError where there is no matplotlib: before training, not after it."""
    if not can_draw():
        raise ConfigError(
            "matplotlib: expected for the figures, got none; pip install 'vaejax[plots]'"
        )


def draw(path: Path, figure_of: Callable[..., Any], *args: Any) -> None:
    """Write the matplotlib figure `figure_of(*args)` to a PNG file."""
    import matplotlib

    content = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        figure_of(*args).savefig(content, format="png")
    write_whole(path, content.getvalue())


def panels_of(
    count: int, *, height: float, columns: int | None = None, width: float = WIDTH, **shared: Any
) -> tuple[Any, Any]:
    """A figure with `count` panels, `columns` in a row (all by default) of `height` inches."""
    from matplotlib.figure import Figure

    columns = columns or count
    rows = -(-count // columns)
    figure = Figure(figsize=(width, height * rows))
    panels = figure.subplots(rows, columns, squeeze=False, **shared).ravel()
    for panel in panels[count:]:
        panel.remove()
    return figure, panels[:count]
