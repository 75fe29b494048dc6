"""Names `package.module:attribute`: code that need not be the library's, named as data."""

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any

AS_KEY = " (as a key)"


def is_imported(name: Any) -> bool:
    """Whether a name is `package.module:attribute`."""
    if not isinstance(name, str) or name.count(":") != 1:
        return False
    return all(part.isidentifier() for half in name.split(":") for part in half.split("."))


def imported(name: str) -> Callable[..., Any]:
    """What a name `package.module:attribute` stands for.

    Raises:
        ValueError: it cannot be imported, or is nothing that can be called.
    """
    module, attribute = name.split(":")
    try:
        found: Any = importlib.import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except Exception as error:  # whatever someone else's module says while it is imported
        raise ValueError(
            f"expected package.module:attribute that can be imported, got {name!r} "
            f"({type(error).__name__}: {error})"
        ) from error
    if not callable(found):
        raise ValueError(f"expected a class or function, got {name!r}, which is {found!r}")
    return found


def imported_before(name: str) -> Callable[..., Any] | None:
    """As `imported`, of modules that are imported already; None for all else."""
    module, attribute = name.split(":")
    found: Any = sys.modules.get(module)
    for part in attribute.split("."):
        found = getattr(found, part, None)
    return found if callable(found) else None


def imported_names(config: Any, place: str = "config") -> dict[str, str]:
    """The names `package.module:attribute` in a configuration, each with a place that it stands at.

    A key may be one too, the name of an evaluation or of a score; its place then ends in `AS_KEY`.
    """
    if is_imported(config):
        return {config: place}
    found: dict[str, str] = {}
    if isinstance(config, Mapping):
        found = {key: f"{place}.{key}{AS_KEY}" for key in config if is_imported(key)}
        inner = list(config.items())
    else:
        inner = list(enumerate(config)) if isinstance(config, list | tuple) else []
    for key, value in inner:
        found |= imported_names(value, f"{place}.{key}")
    return found
