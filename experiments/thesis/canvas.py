"""What the thesis's figures share: a colour for each latent size and split, lines and axes.

A line is the mean over seeds, its bars or band the range of the seeds; one seed has none.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from experiments.style import COLOURS

SIZE_COLOURS = dict(zip((2, 3, 5), COLOURS, strict=False))
SPLIT_COLOURS = dict(zip(("training", "validation"), COLOURS, strict=False))

Series = Mapping[float, np.ndarray]
"""By beta, one number per seed [S], or one row per seed [S, epochs]."""


def line(panel: Any, series: Series, colour: str, label: str) -> None:
    """The mean over seeds at every beta, with bars over their range; seeds may be missing."""
    mean, low, high = (
        np.array([of(values) for values in series.values()], float)
        for of in (np.mean, np.min, np.max)
    )
    bars = np.maximum([mean - low, high - mean], 0)  # a rounded mean may lie outside
    bars[:, [len(values) < 2 for values in series.values()]] = np.nan
    style = {"color": colour, "marker": "o", "markersize": 3, "capsize": 2}
    panel.errorbar(list(series), mean, bars, label=label, **style)


def curve(panel: Any, values: np.ndarray, colour: Any, label: str, linestyle: Any = "-") -> None:
    """The mean over seeds per epoch, within a band over their range; values [S, epochs]."""
    epochs = np.arange(1, values.shape[1] + 1)
    if len(values) > 1:
        band = values.min(0), values.max(0)
        panel.fill_between(epochs, *band, color=colour, alpha=0.2, linewidth=0)
    panel.plot(epochs, values.mean(0), linestyle=linestyle, color=colour, label=label)


def beta_axis(panel: Any) -> None:
    """Beta from left to right, by its logarithm."""
    panel.set_xscale("log")
    panel.set_xlabel("β")


def epoch_axis(panels: Sequence[Any]) -> None:
    """Epochs from left to right, labelled below the lowest panels only."""
    from matplotlib.ticker import MaxNLocator

    for panel in panels:
        panel.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
        panel.set_xlabel("epoch")
        panel.label_outer()


def beta_text(beta: float) -> str:
    """As titles have it: a power of ten as such, where it is very large or small."""
    power = np.log10(beta)
    if abs(power - round(power)) > 1e-9 or 0.01 <= beta <= 100:
        return f"β = {beta:g}"
    return f"β = $10^{{{round(power)}}}$"
