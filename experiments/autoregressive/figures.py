"""The figures of the lecture on autoregressive models: numbers in, matplotlib figures out."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from experiments.style import COLOURS, PALE, panels_of


def blind_spot(fields: Mapping[str, Any]) -> Any:
    """What the centre of an image sees of every network, a panel each.

    Args:
        fields: `blind_spot.Field` by title.
    """
    from matplotlib.colors import ListedColormap

    # What comes later; what comes before and is not seen; what is seen; the centre.
    colours = ListedColormap(["#ffffff", COLOURS[1], COLOURS[0], "#000000"])
    figure, panels = panels_of(len(fields), height=2.6)
    for panel, (title, field) in zip(panels, fields.items(), strict=True):
        kinds = np.where(field.gradient > 0, 2, field.past.astype(int))
        middle = len(kinds) // 2
        kinds[middle, middle] = 3
        panel.imshow(kinds, cmap=colours, vmin=0, vmax=3)
        panel.set(title=f"{title}: {field.num_seen} of {field.num_past}", xticks=[], yticks=[])
    return figure


def rate_distortion(readings: Mapping[str, Mapping[str, Mapping[int, float]]]) -> Any:
    """Rate and distortion against the decoder's window, and against each other; a point a seed.

    Args:
        readings: by window, see `readings.rows_of`.
    """
    page, (left, right) = panels_of(2, height=2.6)
    values = {
        name: [list(some[name].values()) for some in readings.values()]
        for name in ("rate", "distortion", "nll")
    }
    places = np.arange(len(readings))
    for colour, name, label in (
        (COLOURS[0], "rate", "rate: KL"),
        (COLOURS[1], "distortion", "distortion: -log p(x|z)"),
    ):
        left.plot(places, [np.mean(some) for some in values[name]], color=colour, label=label)
        for place, some in zip(places, values[name], strict=True):
            left.plot([place] * len(some), some, "o", color=colour)
    left.set_xticks(places, list(readings))
    left.set(xlabel="window of the decoder", ylabel="nats per image", yscale="log")
    left.legend(fontsize=7)
    for colour, window, x, y in zip(
        COLOURS, readings, values["rate"], values["distortion"], strict=False
    ):
        right.plot(x, y, "o", color=colour, label=window)
    ends = np.array(right.get_xlim())
    for mean in (np.mean(some) for some in values["nll"]):
        right.plot(ends, mean - ends, color=PALE, linewidth=0.5, zorder=0)  # of this bound
    right.set(xlabel="rate, nats", ylabel="distortion, nats", xlim=ends)
    right.legend(title="window", fontsize=7, title_fontsize=7)
    return page
