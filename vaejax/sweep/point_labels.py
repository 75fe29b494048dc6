"""Labels at points of a plot that neither overlap each other nor hide a point."""

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

# Where a label may be, in units of its distance from the point; up to the right before all else.
DIRECTIONS = ((1, 1), (-1, 1), (1, -1), (-1, -1), (0, 1), (1, 0), (0, -1), (-1, 0))
DISTANCES = (5.0, 10.0)  # points of print
POINT_SIZE = 4.0  # half of a marker, in points of print


class Label(NamedTuple):
    """A text at a point, in the colour of its line."""

    text: str
    x: float
    y: float
    colour: str


def label_points(axis: Any, labels: Sequence[Label]) -> None:
    """Write labels where there is room; one for which there is none is left out.

    Args:
        axis: of matplotlib, with all that it shows.
        labels: one per point.
    """
    from matplotlib.transforms import Bbox

    axis.figure.draw_without_rendering()  # settles where things are
    scale = axis.figure.dpi / 72.0  # points of print to pixels
    places = [axis.transData.transform((label.x, label.y)) for label in labels]
    reach = POINT_SIZE * scale
    taken = [Bbox([[x - reach, y - reach], [x + reach, y + reach]]) for x, y in places]
    for label in labels:
        for distance, (right, up) in itertools.product(DISTANCES, DIRECTIONS):
            text = axis.annotate(
                label.text,
                (label.x, label.y),
                xytext=(right * distance, up * distance),
                textcoords="offset points",
                fontsize="x-small",
                color=label.colour,
                ha=("right", "center", "left")[right + 1],
                va=("top", "center", "bottom")[up + 1],
            )
            box = text.get_window_extent()
            inside = axis.bbox.x0 <= box.x0 and box.x1 <= axis.bbox.x1 and box.y1 <= axis.bbox.y1
            if inside and box.y0 >= axis.bbox.y0 and not any(map(box.overlaps, taken)):
                taken.append(box)
                break
            text.remove()
