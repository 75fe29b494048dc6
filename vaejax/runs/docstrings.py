"""What docstrings say, in the house's form: a sentence, then sections such as `Args:`.

Help has no texts of its own: what it says of a key is what the docstring says of the argument.
"""

import inspect
import re
from collections.abc import Callable
from typing import Any

SECTIONS = ("Args:", "Attributes:")
_ENTRY = re.compile(r" *\*{0,2}(\w+(?:, \w+)*)(?: \([^)]*\))?: +(.*)")


def summary(doc: str | None) -> str:
    """The first paragraph of a docstring, on one line."""
    return " ".join(inspect.cleandoc(doc or "").split("\n\n")[0].split())


def sentence(text: str) -> str:
    """The first sentence of a text."""
    return re.split(r"(?<=[^.][.])\s+(?=[A-Z`])", text, maxsplit=1)[0]


def arguments(doc: str | None) -> dict[str, str]:
    """What a docstring says of arguments, or attributes, by name, each on one line."""
    found: dict[str, list[str]] = {}
    header, level, names = None, None, ""
    for line in inspect.cleandoc(doc or "").splitlines():
        depth = len(line) - len(line.lstrip())
        if line.strip() in SECTIONS:
            header, level, names = depth, None, ""
        elif header is not None and line.strip() and depth <= header:
            header = None  # of another section
        elif header is not None:
            entry = _ENTRY.fullmatch(line)
            if entry and level in (None, depth):
                level, names = depth, entry[1]
                found[names] = [entry[2]]
            elif names:
                found[names].append(line.strip())
    told = {names: " ".join(" ".join(lines).split()) for names, lines in found.items()}
    return {name: text for names, text in told.items() for name in names.split(", ")}


def arguments_of(factory: Callable[..., Any]) -> dict[str, str]:
    """The same of a function, or of a class and what it inherits."""
    if not isinstance(factory, type):
        return arguments(factory.__doc__)
    told: dict[str, str] = {}
    for kind in reversed(factory.__mro__):
        told |= arguments(kind.__doc__)
    return told
