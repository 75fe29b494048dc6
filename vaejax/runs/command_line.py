"""The overrides on a command line, `--config.KEY=VALUE`, apart from its flags."""

import re
from collections.abc import Sequence

Override = tuple[str, str | None]
"""A key, "config.objective.beta", and its value as text; None where the key stands alone."""

_OVERRIDE = re.compile(r"--?(?P<no>no)?(?P<key>config\.[^=]*)(?:=(?P<value>.*))?", re.DOTALL)
_NUMBER = re.compile(r"-[.\d]")  # which is no flag


def split(arguments: Sequence[str]) -> tuple[list[Override], list[str]]:
    """The overrides among the arguments of a program, and the others, each in their order.

    `--config.KEY=VALUE`, `--config.KEY VALUE` and `--noconfig.KEY` are overrides.
    """
    overrides: list[Override] = []
    others: list[str] = []
    rest = list(arguments)
    while rest:
        argument = rest.pop(0)
        found = _OVERRIDE.fullmatch(argument)
        if found is None:
            others.append(argument)
            continue
        value = "false" if found["no"] else found["value"]
        if value is None and rest and (rest[0][:1] != "-" or _NUMBER.match(rest[0])):
            value = rest.pop(0)
        overrides.append((found["key"], value))
    return overrides, others
