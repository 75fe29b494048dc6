"""What `--help` says of a configuration: every key, its value, its type, what it means."""

import shutil
import textwrap
from collections.abc import Iterator

from ml_collections import ConfigDict

from vaejax.runs.config_error import ConfigError
from vaejax.runs.config_keys import NOTHING, Argument, Place, places, there
from vaejax.runs.config_text import told, written
from vaejax.runs.config_values import jsonable, plain
from vaejax.runs.docstrings import sentence, summary


def keys_of(config: ConfigDict) -> str:
    """Every key that a command line can set, as it is set, with its type and its meaning."""
    width = min(shutil.get_terminal_size((100, 24)).columns, 100)
    lines: list[str] = []
    for place in places(plain("config", config)):
        lines += ["", *textwrap.wrap(_heading(place), width, subsequent_indent="    ")]
        for name, argument in place.arguments.items():
            lines += [f"  {_setting(place, name, argument)}", *_meaning(argument, width)]
    return "\n".join(lines)


def _heading(place: Place) -> str:
    name = there(place.values, "name")
    about = summary(place.factories[0].function.__doc__) if place.factories else ""
    return f"{place.key}{f' = {name}' if name else ''}: {about}"


def _setting(place: Place, name: str, argument: Argument) -> str:
    """A key with its value, as it can be given again; or what it has where no text says it."""
    key, value = f"--{place.key}.{name}", place.value(name)
    if value is None and argument.default is NOTHING:
        return f"{key}=...  (to be given, or known from the data)"
    try:
        return f"{key}={written(jsonable(key, value))}"
    except ConfigError:  # an object, the default
        return f"{key}  ({repr(value).removeprefix('_')})"


def _meaning(argument: Argument, width: int) -> Iterator[str]:
    text = f"{told(argument.hint)}: {sentence(argument.about)}".removesuffix(": ")
    yield from textwrap.wrap(text, width, initial_indent=" " * 6, subsequent_indent=" " * 6)
