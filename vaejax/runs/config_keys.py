"""What can be set in a configuration: every argument of what its sections name.

A key that the file does not spell out has the default of its factory, and can be set like any
other. The types come from annotations, and what a key means from the docstring of what takes it.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any, NamedTuple

import optax
from ml_collections.config_dict import FieldReference, RequiredValueError

from vaejax import data, evaluators, models, objectives
from vaejax.data import Splits
from vaejax.evaluators import Evaluator
from vaejax.runs.config import OTHERWISE, SECTIONS, TrainSettings
from vaejax.runs.config_defaults import parameters_of, type_hints
from vaejax.runs.config_error import ConfigError
from vaejax.runs.config_lookup import factory_if_there, part_of, part_section, unknown_key
from vaejax.runs.docstrings import arguments_of
from vaejax.training import optimizers
from vaejax.types import Objective

Config = MutableMapping[str, Any]
"""A configuration as `config_values.plain` gives it: dicts, with what is to be filled in."""
NOTHING = inspect.Parameter.empty
NO_KEYS = ("name", "parent", "self")  # `name` says which factory; `parent` is of flax modules


class Argument(NamedTuple):
    """A key.

    Attributes:
        hint: its annotation; `NOTHING` where there is none.
        default: its default; `NOTHING` where it has none.
        about: what the docstring says of it.
    """

    hint: Any
    default: Any
    about: str


class Factory(NamedTuple):
    """What takes the values of a section, after `given` arguments that come from elsewhere."""

    function: Callable[..., Any]
    given: int = 0

    def arguments(self) -> dict[str, Argument]:
        """Its keys."""
        hints, told = type_hints(self.function), arguments_of(self.function)
        parameters = list(parameters_of(self.function).items())[self.given :]
        return {
            name: Argument(hints.get(name, NOTHING), parameter.default, told.get(name, ""))
            for name, parameter in parameters
            if name not in NO_KEYS and parameter.kind not in (2, 4)  # *args, **kwargs
        }


class Place(NamedTuple):
    """A section of a configuration, or a part in it.

    Attributes:
        key: where it stands, "config.model.likelihood".
        values: what is there; changes are made to it.
        factories: what takes the values; none where any key will do.
        package: where the names of such parts are looked up; None where there are no names.
        returns: as in `config_lookup.named`.
    """

    key: str
    values: MutableMapping[str, Any]
    factories: tuple[Factory, ...] = ()
    package: Any = None
    returns: Any = None

    @property
    def arguments(self) -> dict[str, Argument]:
        """All keys by name, spelt out or not."""
        return {
            name: argument
            for factory in self.factories
            for name, argument in factory.arguments().items()
        }

    @property
    def is_open(self) -> bool:
        """Whether it takes keys of any name."""
        if not self.factories:
            return True
        kinds = {p.kind for p in parameters_of(self.factories[0].function).values()}
        return inspect.Parameter.VAR_KEYWORD in kinds and len(self.factories) == 1

    def value(self, name: str) -> Any:
        """The value of a key: what is there, or the default."""
        if name in self.values:
            return there(self.values, name)
        argument = self.arguments.get(name)
        return None if argument is None or argument.default is NOTHING else argument.default

    def below(self, name: str) -> "Place | None":
        """The place that a key holds a section for; None where it holds a value."""
        value, key = there(self.values, name), f"{self.key}.{name}"
        if self.key == "config.optimizer" and name == "players" and isinstance(value, Mapping):
            return Place(key, self.values[name])
        if self.key == "config.optimizer.players" and isinstance(value, Mapping):
            return Place(key, self.values[name], _of_optimizer(value))
        hint = self.arguments[name].hint if name in self.arguments else NOTHING
        part = part_section(value, hint)
        if part is not None:
            if not isinstance(value, Mapping):  # only its name is there
                self.values[name] = dict(part)
            package, returns = part_of(hint) or OTHERWISE
            return _named(key, self.values[name], package, returns)
        return Place(key, self.values[name]) if isinstance(value, Mapping) else None


PACKAGES = {  # of sections: where names are looked up, what they return, arguments from elsewhere
    "data": (data, Splits, 0),
    "model": (models, None, 0),
    "objective": (objectives, Objective, 1),
}


def section(config: Config, name: str) -> Place:
    """A section of a configuration.

    Raises:
        ConfigError: there is none of that name.
    """
    key = f"config.{name}"
    if name not in SECTIONS:
        raise ConfigError(unknown_key(key, name, SECTIONS))
    if name not in config:
        config[name] = {}
    values = config[name]
    if name in PACKAGES:
        return _named(key, values, *PACKAGES[name])
    if name == "train":
        return Place(key, values, (Factory(TrainSettings),))
    return Place(key, values, _of_optimizer(values) if name == "optimizer" else ())


def evaluation(evaluated: Place, name: str) -> Place:
    """An evaluation of the section `eval`; one that is not there yet is added.

    Raises:
        ConfigError: there is no such evaluator.
    """
    if name not in evaluated.values:
        offered = [*evaluated.values, *evaluators_by_name()]
        if name not in offered:
            raise ConfigError(unknown_key(f"{evaluated.key}.{name}", name, {*offered}))
        evaluated.values[name] = {}
    values = evaluated.values[name]
    which = there(values, "name") or name
    return _named(f"{evaluated.key}.{name}", values, evaluators, Evaluator, 1, which)


def evaluators_by_name() -> list[str]:
    """Names of our evaluators."""
    found = {name: factory_if_there(name, evaluators) for name in vars(evaluators)}
    return [name for name, f in found.items() if f and type_hints(f).get("return") == Evaluator]


def places(config: Config) -> Iterator[Place]:
    """Every section of a configuration, and every part in it."""
    for name in SECTIONS:
        if name == "eval":
            evaluated = section(config, name)
            for label in list(evaluated.values):
                yield from _with_parts(evaluation(evaluated, label))
        elif name in config:
            yield from _with_parts(section(config, name))


def there(values: Mapping[str, Any], name: str) -> Any:
    """What a section says of a key; None where it says nothing, or is to be filled in."""
    value = values.get(name)
    if not isinstance(value, FieldReference):
        return value
    try:
        return value.get()
    except RequiredValueError:
        return None


def _with_parts(place: Place) -> Iterator[Place]:
    yield place
    for name in [*place.arguments, *(n for n in place.values if n not in place.arguments)]:
        below = place.below(name)
        if below is not None and below.factories:
            yield from _with_parts(below)


def _named(
    key: str, values: Any, package: Any, returns: Any = None, given: int = 0, name: Any = None
) -> Place:
    found = factory_if_there(name or there(values, "name"), package)
    factories = (Factory(found, given),) if found is not None else ()
    return Place(key, values, factories, package, returns)


def _of_optimizer(values: Mapping[str, Any]) -> tuple[Factory, ...]:
    """Of an optimiser both ours and what the named one of optax takes beside the learning rate."""
    name = there(values, "name")
    own = (Factory(getattr(optax, name), 1),) if name in optimizers.OPTIMIZERS else ()
    return (Factory(optimizers.make_optimizer), *own)
