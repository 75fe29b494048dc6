"""Values of a configuration as text: read from a command line by their type, and written so.

4   0.5   true   none   hello   2,3   orientation:0,scale:5   linear_schedule:init_value=1,...
"""

import ast
import os
import re
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vaejax.runs.config_error import ConfigError
from vaejax.runs.config_keys import NOTHING, Argument
from vaejax.runs.config_lookup import part_of

TRUTH = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}
_KEY = r"[A-Za-z_]\w*"
_NAME = re.compile(
    rf"(?P<name>{_KEY}(?:\.{_KEY})*(?::{_KEY}(?:\.{_KEY})*(?=$|:))?)(?::(?P<arguments>.*))?",
    re.DOTALL,
)
_OUTSIDE = re.compile(r",(?![^(]*\))")  # commas that are in no brackets


def part_of_text(text: str) -> tuple[str, dict[str, str]] | None:
    """`NAME:KEY=VALUE,KEY=VALUE` as the name and the values by key; None for another text.

    The name may be `package.module:attribute`, and a value may hold commas.
    """
    found = _NAME.fullmatch(text)
    if found is None:
        return None
    settings = {}
    pieces = re.split(rf",(?={_KEY}(?:\.{_KEY})*=)", found["arguments"] or "")
    for piece in filter(None, pieces):
        key, equals, value = piece.partition("=")
        if not equals:
            return None
        settings[key] = value
    return found["name"], settings


def read(key: str, text: str, argument: Argument) -> Any:
    """The value that a text stands for.

    Args:
        key: where it belongs, for messages.
        text: as it was given.
        argument: what is known of the key.

    Raises:
        ConfigError: it is no value of this type.
    """
    try:
        return _read(text, argument.hint)
    except ValueError:
        raise ConfigError(f"{key}: expected {told(argument.hint)}, got {text!r}") from None


def pieces_of(text: str) -> list[str]:
    """What stands between the commas that are in no brackets."""
    return [piece.strip() for piece in _OUTSIDE.split(text) if piece.strip()]


def takes_mapping(hint: Any) -> bool:
    """Whether a key may hold names with values."""
    return hint is NOTHING or any(
        _is_mapping(typing.get_origin(kind)) for kind in (hint, *_members(hint))
    )


def written(value: Any) -> str:
    """A value as it may be given again."""
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    if isinstance(value, Mapping) and "name" in value:
        rest = ",".join(f"{k}={written(v)}" for k, v in value.items() if k != "name")
        return f"{value['name']}:{rest}" if rest else str(value["name"])
    if isinstance(value, Mapping):
        return ",".join(k if v == {} else f"{k}:{written(v)}" for k, v in value.items())
    if isinstance(value, list | tuple):
        nested = any(isinstance(item, list | tuple) for item in value)
        return ",".join(f"({written(item)})" if nested else written(item) for item in value)
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    return str(value)


def told(hint: Any) -> str:
    """A type in words."""
    if members := _members(hint):
        # A float may be whole; arrays, dtypes and paths are given as numbers and text.
        hidden = (int, bool) if float in members else (type(None),)
        shown = [kind for kind in members if _readable(kind) and kind not in hidden] or members
        words = dict.fromkeys(told(kind) for kind in shown if kind is not type(None))
        return " or ".join([*words, *["none"] * (type(None) in members)])
    if part := part_of(hint):
        return part[1].__name__ if isinstance(part[1], type) else "Schedule"  # that is an alias
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return " or ".join(map(str, args))
    if _is_many(origin):
        many = origin is not tuple or args[-1:] == (Ellipsis,)
        return f"{told(args[0])},..." if many else ",".join(map(told, args))
    if _is_mapping(origin):
        return (
            "NAME,..." if _is_mapping(typing.get_origin(args[1])) else f"NAME:{told(args[1])},..."
        )
    if hint in (Any, NOTHING):
        return "anything"
    if hint is type(None):
        return "none"
    return hint.__name__ if isinstance(hint, type) else str(hint).replace("typing.", "")


def _read(text: str, hint: Any) -> Any:
    """The value of a type that a text stands for; ValueError where it is none."""
    for member in _members(hint):  # None, truth and numbers before text
        try:
            return _read(text, member)
        except ValueError:
            continue
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if isinstance(hint, type) and hint in _SIMPLE:
        return _SIMPLE[hint](text)
    if origin is typing.Literal:
        return next(arg for arg in args if str(arg) == text) if text in map(str, args) else _no()
    if _is_many(origin):
        return _items(text, args if origin is tuple else (*args, Ellipsis))
    if _is_mapping(origin):
        return _mapping(text, args[1])
    if part_of(hint):
        part = part_of_text(text)
        return _no() if part is None else {"name": part[0], **part[1]}
    if hint is os.PathLike or origin is os.PathLike:
        return text
    if hint in (Any, NOTHING, dict, list, tuple):
        try:
            return ast.literal_eval(text)
        except (SyntaxError, ValueError):
            return text
    return _no()


def _items(text: str, kinds: Sequence[Any]) -> tuple[Any, ...]:
    """Values with commas between them, which may stand in brackets."""
    if text[:1] + text[-1:] in ("()", "[]") and _closes(text):
        text = text[1:-1]
    pieces = [piece.strip("'\"") for piece in pieces_of(text)]
    if kinds[-1] is Ellipsis:
        return tuple(_read(piece, kinds[0]) for piece in pieces)
    return tuple(map(_read, pieces, kinds)) if len(pieces) == len(kinds) else _no()


def _closes(text: str) -> bool:
    """Whether the first bracket of a text is closed by its last character."""
    return "(" not in text[1:] or text.index(")") > text.index("(", 1)


def _mapping(text: str, kind: Any) -> dict[str, Any]:
    """`NAME:VALUE,NAME:VALUE`; names alone where each stands for a section of its own."""
    pieces = pieces_of(text.strip("{}"))
    if _is_mapping(typing.get_origin(kind)):
        return {piece if part_of_text(piece) == (piece, {}) else _no(): {} for piece in pieces}
    pairs = [piece.partition(":") for piece in pieces]
    return {
        name.strip("'\" ") if colon and name else _no(): _read(value.strip(), kind)
        for name, colon, value in pairs
    }


def _no() -> Any:
    raise ValueError


def _none(text: str) -> Any:
    return None if text.lower() == "none" else _no()


def _truth(text: str) -> bool:
    return TRUTH[text.lower()] if text.lower() in TRUTH else _no()


_SIMPLE: dict[Any, Callable[[str], Any]] = {  # in the order in which they are tried
    type(None): _none,
    int: int,
    float: float,
    bool: _truth,
    str: str,
}


def _members(hint: Any) -> list[Any]:
    """The types of a union, those that few texts fit before those that any does; none of others."""
    if typing.get_origin(hint) not in (typing.Union, types.UnionType):
        return []
    order = [*_SIMPLE]
    return sorted(
        typing.get_args(hint),
        key=lambda kind: (kind in (str, Any), order.index(kind) if kind in order else len(order)),
    )


def _readable(hint: Any) -> bool:
    """Whether there is a text that stands for a value of this type."""
    origin = typing.get_origin(hint)
    simple = isinstance(hint, type) and hint in _SIMPLE
    listed = origin is typing.Literal or _is_many(origin) or _is_mapping(origin)
    return simple or listed or part_of(hint) is not None


def _is_many(origin: Any) -> bool:
    return origin in (tuple, list, Sequence)


def _is_mapping(origin: Any) -> bool:
    return isinstance(origin, type) and issubclass(origin, Mapping)
