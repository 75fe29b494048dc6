"""What a command line says of a configuration: `--config.objective.beta=4` and the like.

Any key can be set that something takes, spelt out in the file or not; a part is replaced by name,
`--config.data=folder:path=FOLDER`. The last of two overrides of a key counts.
"""

from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from typing import Any, get_args

from ml_collections import ConfigDict
from ml_collections.config_dict import FieldReference

from vaejax.runs.config_defaults import filled_in
from vaejax.runs.config_error import ConfigError
from vaejax.runs.config_keys import NOTHING, Argument, Place, evaluation, section, there
from vaejax.runs.config_lookup import named, part_of, unknown_key
from vaejax.runs.config_text import part_of_text, read, takes_mapping, told
from vaejax.runs.config_values import plain
from vaejax.training.optimizers import make_optimizer


def overridden(config: ConfigDict, overrides: Iterable[tuple[str, str | None]]) -> ConfigDict:
    """A configuration with what a command line says of it, locked.

    Args:
        config: it stays as it is.
        overrides: keys, "config.objective.beta", with their values as text; None where a key stands
            alone, which only one of true or false may. Parts are named before what is set in them.

    Raises:
        ConfigError: there is no such key, or it takes no such value.
    """
    values = plain("config", config)
    for key, text in sorted(overrides, key=_depth):
        first, *names = key.removeprefix("config.").split(".")
        if names:
            _override(section(values, first), names, text)
        else:
            _replace(values, section(values, first), first, text)
    return ConfigDict(values).lock()


def _override(place: Place, names: Sequence[str], text: str | None) -> None:
    """Give a key below a place the value that a text stands for."""
    for number, name in enumerate(names[:-1], 1):
        if list(names[number:]) == ["name"] and _takes_a_part(place, name):
            _override(place, [name], text)
            return
        place = _below(place, name)
    name = names[-1]
    key = f"{place.key}.{name}"
    if place.key == "config.eval":
        part = _part(key, text)
        place.values[name] = {} if part[0] == name else {"name": part[0]}
        below, settings = evaluation(place, name), part[1]
    elif name == "name" and (place.package is not None or place.key == "config.optimizer"):
        _name(place, _said(key, text))
        return
    else:
        argument = _argument(place, name)
        value = read(key, _said(key, text, argument), argument)
        packaged = part_of(argument.hint)
        if packaged is None or not isinstance(value, Mapping):
            _assign(place.values, name, value)
            return
        try:
            named(key, value["name"], *packaged)
        except ConfigError as error:  # it may have been meant for a number
            reason = str(error).removeprefix(f"{key}: ")
            expected = f"{key}: expected {told(argument.hint)}, got {text!r}"
            raise ConfigError(f"{expected}; {reason}") from None
        place.values[name] = {"name": value["name"]}
        found = place.below(name)
        assert found is not None
        below, settings = found, {key: text for key, text in value.items() if key != "name"}
    for setting, given in settings.items():
        _override(below, setting.split("."), given)


def _depth(override: tuple[str, str | None]) -> int:
    return override[0].removesuffix(".name").count(".")


def _name(place: Place, name: str) -> None:
    """Name what takes the values of a place, which begins anew unless it has that name already.

    An optimiser keeps its learning rate and all else.
    """
    if place.package is not None and there(place.values, "name") != name:
        factory = named(f"{place.key}.name", name, place.package, place.returns)
        place.values.clear()
        if place.key.count(".") == 1:  # a section
            place.values.update(filled_in({}, factory))
    place.values["name"] = name


def _replace(values: dict[str, Any], place: Place, first: str, text: str | None) -> None:
    """Give a whole section by name, with the simple defaults of what it names."""
    if first in ("train", "eval"):
        raise ConfigError(f"{place.key}: expected a key below it, got {text!r}")
    name, settings = _part(place.key, text)
    if place.package is None:
        values[first] = filled_in({"name": name}, make_optimizer)
    else:
        place.values.clear()
        _name(place, name)
    for setting, given in settings.items():
        _override(section(values, first), setting.split("."), given)


def _below(place: Place, name: str) -> Place:
    """The section below a key, which is made where the key takes one and has none."""
    if place.key == "config.eval":
        return evaluation(place, name)
    key, argument = f"{place.key}.{name}", _argument(place, name)
    below = place.below(name)
    if below is None and place.value(name) is None and takes_mapping(argument.hint):
        place.values[name] = {}
        below = place.below(name)
    if below is None:
        by_name = part_of(argument.hint) is not None
        hint = f"; --{key}=NAME:KEY=VALUE,... says what is meant by it" if by_name else ""
        raise ConfigError(f"{key}: expected no key below a value{hint}")
    return below


def _takes_a_part(place: Place, name: str) -> bool:
    """Whether a key takes a part, and there is none yet that could be called otherwise."""
    known = place.arguments.get(name)
    return known is not None and part_of(known.hint) is not None and place.below(name) is None


def _argument(place: Place, name: str) -> Argument:
    """What is known of a key.

    Raises:
        ConfigError: there is none of that name.
    """
    known = place.arguments
    if name in known:
        found = known[name]
    elif place.is_open and name:
        found = Argument(NOTHING, NOTHING, "")
    else:
        raise ConfigError(unknown_key(f"{place.key}.{name}", name, known))
    if found.hint is NOTHING and (value := place.value(name)) is not None:
        return found._replace(hint=type(value))  # which shows the type
    return found


def _part(key: str, text: str | None) -> tuple[str, dict[str, str]]:
    part = part_of_text(_said(key, text))
    if part is None:
        raise ConfigError(f"{key}: expected NAME or NAME:KEY=VALUE,..., got {text!r}")
    return part


def _said(key: str, text: str | None, argument: Argument | None = None) -> str:
    """The text, or "true" of a key that stands alone."""
    if text is not None:
        return text
    if argument is not None and bool in {argument.hint, *get_args(argument.hint)}:
        return "true"
    raise ConfigError(f"{key}: expected a value, got none")


def _assign(values: MutableMapping[str, Any], name: str, value: Any) -> None:
    old = values.get(name)
    if isinstance(old, float) and type(value) is int:
        value = float(value)  # what has the type of numbers in general, and is a float here
    if isinstance(old, FieldReference):  # to which others may refer
        old.set(value, type_safe=False)
    else:
        values[name] = value
