"""What names in a configuration stand for: attributes of a package, or `package.module:attribute`.

A value that is itself `{name, **kwargs}` stands for a part. The type of the parameter that takes it
says where the name is looked up: a `Likelihood` in `vaejax.distributions`, a `Posterior` in
`vaejax.models.posteriors`, a `Prior` in `vaejax.models.priors`, a `PixelNetwork` in
`vaejax.models.autoregressive`, a `Schedule` in
`vaejax.training.schedules`.
"""

import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from vaejax import distributions
from vaejax.core.importing import imported, imported_before, is_imported
from vaejax.core.names import nearest
from vaejax.data import Source
from vaejax.models import autoregressive, posteriors, priors
from vaejax.runs.config_defaults import parameters_of, type_hints
from vaejax.runs.config_error import ConfigError
from vaejax.training import schedules
from vaejax.types import Objective, Schedule

PARTS = {
    distributions.Likelihood: distributions,
    posteriors.Posterior: posteriors,
    priors.Prior: priors,
    autoregressive.PixelNetwork: autoregressive,
    Schedule: schedules,
}
OBJECTS = (Objective, Source)  # with functions, what no configuration holds


def named(key: str, name: Any, package: Any, returns: Any = None) -> Callable[..., Any]:
    """What a name stands for.

    Args:
        key: where it stands, for messages.
        name: of a public class or function of `package`, or `package.module:attribute`.
        package: a module.
        returns: only functions of `package` that are annotated to return this are valid, and of
            them those that a configuration can give what they must have.

    Raises:
        ConfigError: it stands for nothing that can be called.
    """
    if is_imported(name):
        try:
            return imported(name)
        except ValueError as error:
            raise ConfigError(f"{key}: {error}") from error
    offered = {
        public: value
        for public, value in vars(package).items()
        if public[0] != "_"
        and callable(value)
        and _returns(value, returns)
        and not (returns and _takes_objects(value))
    }
    if not isinstance(name, str) or name not in offered:
        hint = "" if name is None else "; your own are named package.module:attribute"
        raise ConfigError(unknown_key(key, name, offered) + hint)
    return offered[name]


def factory_if_there(name: Any, package: Any) -> Callable[..., Any] | None:
    """As `named`, without importing or refusing anything: None for what is not at hand."""
    if is_imported(name):
        return imported_before(name)
    found = getattr(package, str(name), None)
    return found if callable(found) else None


def part_of(hint: Any) -> tuple[Any, Any] | None:
    """Where the parts for a parameter with this annotation are, and their type; None for others."""
    for kind in (hint, *_members(hint)):
        for part, package in PARTS.items():
            if kind == part:
                return package, part
    return None


def part_section(value: Any, hint: Any) -> Mapping[str, Any] | None:
    """The section `{name, **kwargs}` that a value is for a parameter, or None.

    The name alone is one too, where a parameter takes parts and nothing else.
    """
    if isinstance(value, Mapping) and "name" in value:
        return value
    only = {*(_members(hint) or (hint,))} - {type(None)} <= set(PARTS)
    return {"name": value} if isinstance(value, str) and only else None


def unknown_key(key: str, name: Any, valid: Iterable[str]) -> str:
    """The message for a name that does not exist, with the nearest that does."""
    valid = sorted(valid)
    if not valid:
        return f"{key}: unknown {name!r}; there are no keys here"
    return f"{key}: unknown {name!r}; did you mean {nearest(name, valid)!r}? Valid: {valid}"


def _members(hint: Any) -> tuple[Any, ...]:
    is_union = typing.get_origin(hint) in (typing.Union, types.UnionType)
    return typing.get_args(hint) if is_union else ()


def _takes_objects(factory: Callable[..., Any]) -> bool:
    """Whether a function must be given what no configuration can hold: functions, sources."""
    hints = type_hints(factory)
    needed = [n for n, p in parameters_of(factory).items() if p.default is p.empty]
    kinds = [hints.get(name) for name in needed if part_of(hints.get(name)) is None]
    return any(kind in OBJECTS or typing.get_origin(kind) is Callable for kind in kinds)


def _returns(factory: Any, wanted: Any) -> bool:
    if wanted is None:
        return True
    if isinstance(factory, type):
        return False
    return type_hints(factory).get("return") == wanted
