"""The nearest to a misspelt name."""

import difflib
from collections.abc import Iterable
from typing import Any


def nearest(name: Any, valid: Iterable[str], *, likeness: float = 0.0) -> str | None:
    """The valid name most like another, to be offered in its place.

    Args:
        name: that is not valid.
        valid: names.
        likeness: in [0, 1] that the nearest has to have; None is nearer than one with less.
    """
    return next(iter(difflib.get_close_matches(str(name), sorted(valid), 1, likeness)), None)
