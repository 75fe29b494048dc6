"""Which members can share one program."""

import json
from collections.abc import Callable, Hashable, Sequence
from functools import partial
from typing import Any, NamedTuple

from vaejax.sweep.members import Member
from vaejax.sweep.program import Program

TRACED_SECTIONS = ("objective", "optimizer")


class Group(NamedTuple):
    """Members that share a program.

    Attributes:
        members: in the order of the sweep.
        program: theirs.
    """

    members: list[Member]
    program: Program


def unfinished_groups(members: Sequence[Member]) -> list[Group]:
    """The members that are not finished, by program.

    Two members share one if their configurations differ only in the seed and in floats of the
    sections `objective` and `optimizer`. Integers (lengths, widths) are part of a program, and so
    is a float whose value an objective or optimiser asks for, or on which the parts of a state
    depend (l2 = 0 has no term of its own). Finished members have their say in what is an input, so
    that a resumed sweep has the programs it had before.

    Raises:
        ConfigError: a member's configuration cannot be run.
    """
    result = []
    for alike in _split(members, _without_numbers):
        if all(member.finished for member in alike):
            continue
        names = _differing(alike)
        program = Program(alike[0].config, names)
        for member in alike:
            program.check(member)
        values = {name: {_floats(member)[name] for member in alike} for name in names}
        fixed = [name for name in names if not program.can_trace(name, values[name])]
        parts = _split(alike, partial(_values, fixed))
        for part in parts:
            if fixed:
                program = Program(part[0].config, _differing(part))
            result.append(Group([member for member in part if not member.finished], program))
    return [group for group in result if group.members]


def _differing(members: Sequence[Member]) -> list[str]:
    """The floats in which members that are otherwise alike differ."""
    numbers = [_floats(member) for member in members]
    return [name for name in numbers[0] if len({values[name] for values in numbers}) > 1]


def _split(members: Sequence[Member], key: Callable[[Member], Hashable]) -> list[list[Member]]:
    """The members by their keys, in the order of first appearance."""
    parts: dict[Hashable, list[Member]] = {}
    for member in members:
        parts.setdefault(key(member), []).append(member)
    return list(parts.values())


def _values(names: Sequence[str], member: Member) -> tuple[float, ...]:
    """A member's values of some of its floats."""
    floats = _floats(member)
    return tuple(floats[name] for name in names)


def _floats(member: Member) -> dict[str, float]:
    """The floats that a program might take as inputs, by dotted key."""
    found: dict[str, float] = {}

    def look(value: Any, key: str) -> None:
        if isinstance(value, float):
            found[key] = value
        elif isinstance(value, dict):
            for name, inner in value.items():
                look(inner, f"{key}.{name}")

    for section in TRACED_SECTIONS:
        look(member.config[section].to_dict(), section)
    return found


def _without_numbers(member: Member) -> str:
    """Everything else in the member's configuration, but for the seed."""
    config = json.loads(member.config.to_json())
    del config["train"]["seed"]
    for key in _floats(member):
        *path, last = key.split(".")
        section = config
        for name in path:
            section = section[name]
        section[last] = "number"
    return json.dumps(config, sort_keys=True)
