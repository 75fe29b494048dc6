"""Factors called by their names in what is said of them, where a metric only knows their places."""

import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

_COLUMN = re.compile(r"\bcolumn (\d+)\b")
_ARGUMENT = re.compile(r"(\b[a-z_]+: )")


def with_names(text: str, names: Sequence[str]) -> str:
    """A message whose `factors: column 1 ...` names the factor.

    Columns of other arguments (`codes: column 1 ...`) stay as they are.

    Args:
        text: the message, of several arguments perhaps.
        names: of the factors, by column.
    """

    def name(match: re.Match[str]) -> str:
        place = int(match[1])
        return names[place] if place < len(names) else match[0]

    before, parts = "", []
    for part in _ARGUMENT.split(text):
        parts.append(_COLUMN.sub(name, part) if before == "factors: " else part)
        before = part
    return "".join(parts)


@contextmanager
def factors_named(names: Sequence[str]) -> Iterator[None]:
    """Within this context warnings, and a ValueError, name the factors; see `with_names`."""
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UserWarning)
            yield
    except ValueError as error:
        text = with_names(str(error), names)
        if text == str(error):
            raise
        raise ValueError(text) from error
    finally:
        for warning in caught:
            text = with_names(str(warning.message), names)
            warnings.warn_explicit(text, warning.category, warning.filename, warning.lineno)


def said_of(notes: Sequence[tuple[str, str]], num_scores: int) -> list[str]:
    """Each note once, with the scores that it is of in front, unless it is of all.

    Args:
        notes: pairs of a score and what is said of it.
        num_scores: how many scores there are.
    """
    scores_of: dict[str, list[str]] = {}
    for score, note in notes:
        scores_of.setdefault(note, []).append(score)
    return [
        note if len(scores) == num_scores else f"{', '.join(scores)}: {note}"
        for note, scores in scores_of.items()
    ]
