"""Whether two configurations mean the same: what one of them leaves out has its default there.

So an option that is newer than a run does not make its configuration another one.
"""

from collections.abc import Callable, Mapping
from typing import Any

import optax

from vaejax import data, evaluators, models, objectives
from vaejax.runs.config import OTHERWISE, ConfigError, TrainSettings
from vaejax.runs.config_defaults import NO_ARGUMENTS, parameters_of, type_hints
from vaejax.runs.config_lookup import factory_if_there, part_of, part_section
from vaejax.runs.config_values import jsonable
from vaejax.training import optimizers

PACKAGES = {"data": data, "model": models, "objective": objectives}


def first_difference(
    one: Mapping[str, Any],
    other: Mapping[str, Any],
    free: Mapping[str, set[str]],
) -> tuple[str, Any, Any] | None:
    """The first key at which two configurations differ, and their values there; or None.

    Args:
        one: sections of JSON values.
        other: likewise.
        free: by section, keys that may differ; a section without keys may differ whole.
    """
    one, other = with_defaults(one), with_defaults(other)
    for section in sorted(set(one) | set(other)):
        if section in free and not free[section]:
            continue
        here, there = one.get(section, {}), other.get(section, {})
        for key in sorted((set(here) | set(there)) - free.get(section, set())):
            if here.get(key) != there.get(key):
                return f"config.{section}.{key}", here.get(key), there.get(key)
    return None


def with_defaults(config: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration of JSON values with every argument that its sections leave out."""
    whole = {section: dict(values) for section, values in config.items()}
    whole["train"] = _whole(whole.get("train", {}), TrainSettings)
    for section, package in PACKAGES.items():
        whole[section] = _named(whole.get(section, {}), package)
    whole["optimizer"] = _optimizer(whole.get("optimizer", {}))
    whole["eval"] = {
        name: _named({"name": name, **values}, evaluators) if isinstance(values, dict) else values
        for name, values in whole.get("eval", {}).items()
    }
    return whole


def _optimizer(section: Any) -> Any:
    whole = _whole(section, optimizers.make_optimizer)
    if not isinstance(whole, dict):
        return whole
    if whole.get("name") in optimizers.OPTIMIZERS:
        whole = _whole(whole, getattr(optax, whole["name"]))
    if isinstance(whole.get("players"), Mapping):
        whole["players"] = {name: _optimizer(own) for name, own in whole["players"].items()}
    return whole


def _named(section: Mapping[str, Any], package: Any) -> dict[str, Any]:
    return _whole(section, factory_if_there(section.get("name"), package))


def _whole(section: Any, factory: Callable[..., Any] | None) -> Any:
    """A section with the defaults of its factory, and likewise the sections within it."""
    if not isinstance(section, Mapping):
        return section
    whole, hints = dict(section), {}
    if factory is not None:
        hints = type_hints(factory)
        for name, parameter in parameters_of(factory).items():
            if name not in NO_ARGUMENTS and parameter.default is not parameter.empty:
                try:
                    whole.setdefault(name, jsonable(name, parameter.default))
                except ConfigError:
                    continue  # an object, which no section could name
    for name, value in whole.items():
        part = part_section(value, hints.get(name))
        if part is not None:
            package, _ = part_of(hints.get(name)) or OTHERWISE
            whole[name] = _named(part, package)
    return whole
