"""What a section of a configuration leaves out: the defaults of the function that it names."""

import inspect
import typing
from collections.abc import Callable, Mapping
from typing import Any

from ml_collections.config_dict import placeholder

NO_ARGUMENTS = ("name", "parent")  # fields of every flax module


def filled_in(section: Mapping[str, Any], factory: Callable[..., Any]) -> dict[str, Any]:
    """A section and the simple defaults of its factory; None becomes a typed placeholder.

    An integer where only floats belong becomes one, so that other floats can be set in its place.
    """
    filled, hints = dict(section), type_hints(factory)
    for name, parameter in parameters_of(factory).items():
        default = parameter.default
        if name in NO_ARGUMENTS:
            continue
        if name in section and (section[name] is not None or default is not None):
            kinds = {hints.get(name), *typing.get_args(hints.get(name))}
            if type(section[name]) is int and float in kinds and int not in kinds:
                filled[name] = float(section[name])
            continue
        if isinstance(default, bool | int | float | str):
            filled[name] = float(default) if hints.get(name) is float else default
        elif default is None:
            allowed = typing.get_args(hints.get(name))
            simple = next((kind for kind in (float, int, str) if kind in allowed), None)
            if simple:
                filled[name] = placeholder(simple)
    return filled


def parameters_of(factory: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    """The arguments of a function or a class by name; none of what does not say what it takes."""
    try:
        return inspect.signature(factory).parameters
    except ValueError:  # some of Python's own are written in C
        return {}


def type_hints(factory: Any) -> dict[str, Any]:
    """The annotations of a function's or a class's arguments, by name."""
    if isinstance(factory, type):
        factory = factory.__init__  # type: ignore[misc]  # of this very class
    try:
        return typing.get_type_hints(factory)
    except (AttributeError, NameError):  # names that only another library's type checker knows
        return {}
    except TypeError:  # a partial function, say
        return {}
