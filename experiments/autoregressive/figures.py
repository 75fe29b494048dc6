"""The figures of the lecture's page on autoregressive models, with matplotlib."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from experiments.style import COLOURS, panels_of


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
