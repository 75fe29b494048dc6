"""From a configuration to objects: every section is `{name, **kwargs}`, resolved by attribute.

`config.model = {name: "ConvVAE", latent_size: 10}` means `vaejax.models.ConvVAE(latent_size=10)`,
and `name: "package.module:attribute"` is anything that can be imported. A value that is itself
`{name, **kwargs}` is resolved too, see `config_lookup`. Every mistake is a `ConfigError` that
begins with the key, says what was expected, and names the nearest valid key.
"""

import collections.abc
import dataclasses
import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import ml_collections

from vaejax import data, models, objectives
from vaejax.core.checks import is_traced
from vaejax.core.importing import is_imported
from vaejax.runs.config_defaults import filled_in, parameters_of, type_hints
from vaejax.runs.config_error import ConfigError as ConfigError
from vaejax.runs.config_lookup import factory_if_there, named, part_of, part_section
from vaejax.runs.config_lookup import unknown_key as unknown_key
from vaejax.runs.config_values import jsonable, plain
from vaejax.runs.sinks import sink_names
from vaejax.training import optimizers, schedules
from vaejax.types import Schedule

OTHERWISE = (schedules, Schedule)  # where parts for a parameter of no annotation are looked up
SECTIONS = ("data", "model", "objective", "optimizer", "train", "eval")
# Errors whose messages say by themselves what is wrong; others are told with their types.
TELLING = (ConfigError, ValueError, TypeError, AttributeError, OSError)


@dataclasses.dataclass(frozen=True)
class TrainSettings:
    """The section `train`: how long, how fast, how often.

    Attributes:
        num_steps: optimiser steps of the whole run.
        batch_size: images per step over all devices and processes.
        seed: of everything random: parameters, batches, noise.
        split: split of the data set to train on.
        ema_decay: decay of the parameters' moving average, in [0, 1); evaluation uses the average.
        num_microbatches: parts of a batch computed one after the other, for less memory.
        skip_factor: steps that are not finite, or of a gradient norm more than this many times the
            running one, are skipped; None takes every step, and the first that is not finite ends
            the run.
        log: sinks beside `metrics.jsonl`, with commas between: `tensorboard`, `wandb` (Weights &
            Biases), `mlflow`; empty for none. Each has an extra of its own.
        log_every: steps between lines of metrics.
        eval_every: steps between evaluations, pictures and checkpoints.
        best_metric: metric of an evaluation; the checkpoint with its highest value is kept as the
            best. With a minus in front ("-frechet_distance") the lowest value is.
    """

    num_steps: int = 10_000
    batch_size: int = 64
    seed: int = 0
    split: str = "train"
    ema_decay: float = 0.999
    num_microbatches: int = 1
    skip_factor: float | None = None
    log: str = "tensorboard"
    log_every: int = 100
    eval_every: int = 1_000
    best_metric: str = "elbo"

    def __post_init__(self):
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"seed: expected a number in [0, 2^32), got {self.seed}")
        sink_names(self.log)
        for name in ("num_steps", "batch_size", "num_microbatches", "log_every", "eval_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: expected at least 1, got {getattr(self, name)}")
        if not 0.0 <= self.ema_decay < 1.0:
            raise ValueError(f"ema_decay: expected a number in [0, 1), got {self.ema_decay}")
        if self.skip_factor is not None and not self.skip_factor > 1.0:
            raise ValueError(f"skip_factor: expected a number > 1 or None, got {self.skip_factor}")


def run_config(
    variant: str = "", variants: Mapping[str, Mapping[str, Any]] | None = None, **sections: Any
) -> ml_collections.ConfigDict:
    """The locked configuration of a run, with the values that its sections leave out filled in.

    So every simple argument of what a section names can be set on the command line.

    Args:
        variant: what follows the colon in `--config=file.py:variant`; empty for the run itself.
        variants: by name, what a variant changes, as `{"train.num_steps": 20}`.
        **sections: `data`, `model`, `objective`, `optimizer`, `train` and `eval`.
    """
    check_sections(sections)
    sections = plain("config", sections)
    valid = [field.name for field in dataclasses.fields(TrainSettings)]
    unknown = set(sections.get("train", {})) - set(valid)
    if unknown:
        raise ConfigError(unknown_key(f"config.train.{min(unknown)}", min(unknown), valid))
    sections["train"] = filled_in(sections.get("train", {}), TrainSettings)
    for section, package in (("data", data), ("model", models), ("objective", objectives)):
        name = sections.get(section, {}).get("name")
        if is_imported(name):
            named(f"config.{section}.name", name, package)  # imports it
        factory = factory_if_there(name, package)
        if factory is not None:
            sections[section] = filled_in(sections[section], factory)
    if "optimizer" in sections:
        sections["optimizer"] = filled_in(sections["optimizer"], optimizers.make_optimizer)
    config = ml_collections.ConfigDict(sections)
    variants = variants or {}
    check_variant(variant, variants)
    if variant:
        config.update_from_flattened_dict(dict(variants[variant]))
    return config.lock()


def check_sections(config: Mapping[str, Any] | ml_collections.ConfigDict) -> None:
    """Raise `ConfigError` where a section has no such name, or is no mapping."""
    for name, section in config.items():
        if name not in SECTIONS:
            raise ConfigError(unknown_key(f"config.{name}", name, SECTIONS))
        check_mapping(f"config.{name}", section)


def check_mapping(key: str, section: Any) -> None:
    """Raise `ConfigError` unless a section is one."""
    if not isinstance(section, Mapping | ml_collections.ConfigDict):
        raise ConfigError(f"{key}: expected a section, names with their values, got {section!r}")


def check_variant(variant: str, variants: Iterable[str]) -> None:
    """Raise `ConfigError` unless the variant is empty or one of these names."""
    if variant and variant not in variants:
        raise ConfigError(f"variant: expected one of {sorted(variants)}, got {variant!r}")


def build(
    key: str,
    package: Any,
    section: Mapping[str, Any],
    *args: Any,
    returns: Any = None,
    known: Mapping[str, Any] | None = None,
) -> Any:
    """`package.<name>(*args, **kwargs)` for the section `{name, **kwargs}`.

    Args:
        key: where the section stands, for messages: `"config.model"`.
        package: a module whose public classes and functions are the valid names, beside
            `package.module:attribute`.
        section: the section.
        *args: positional arguments that come from elsewhere (the model of an objective).
        returns: only functions of the package annotated to return this are valid names.
        known: as in `call`.
    """
    check_mapping(key, section)
    kwargs = dict(section)
    name = plain(f"{key}.name", kwargs.pop("name", None))
    return call(key, named(f"{key}.name", name, package, returns), kwargs, *args, known=known)


def call(
    key: str,
    factory: Callable[..., Any],
    kwargs: Mapping[str, Any],
    *args: Any,
    known: Mapping[str, Any] | None = None,
) -> Any:
    """`factory(*args, **kwargs)` after checking names and simple types of the keyword arguments.

    Args:
        key: where the arguments stand, for messages.
        factory: what to call.
        kwargs: keyword arguments.
        *args: positional arguments.
        known: what the data say of arguments of these names, where the factory has them: they may
            be left out, and must agree where they are given.
    """
    check_mapping(key, kwargs)
    parameters = parameters_of(factory)
    valid = list(parameters)[len(args) :]
    open_ended = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    hints = type_hints(factory)
    kwargs = {name: _argument(f"{key}.{name}", value) for name, value in kwargs.items()}
    known = known or {}
    for name in [name for name in known if name in parameters]:
        value = known[name]  # of some it takes a look at all data to find out
        if kwargs.get(name) is None:
            kwargs[name] = value
        if kwargs[name] != value:
            raise ConfigError(
                f"{key}.{name}: expected {value}, as the data have, got {kwargs[name]}; "
                "it may be left out"
            )
    for name, value in kwargs.items():
        if name not in valid and not open_ended:
            raise ConfigError(unknown_key(f"{key}.{name}", name, valid))
        hint = hints.get(name)
        section = part_section(value, hint)
        if section is not None:
            package, returns = part_of(hint) or OTHERWISE
            kwargs[name] = build(f"{key}.{name}", package, section, returns=returns)
        elif name in hints and not _fits(value, hints[name]):
            raise ConfigError(f"{key}.{name}: expected {_told(hints[name])}, got {value!r}")
    required = [n for n in valid if parameters[n].default is parameters[n].empty]
    required = [n for n in required if parameters[n].kind not in (2, 4)]  # *args, **kwargs
    for name in required:
        if name not in kwargs:
            raise ConfigError(f"{key}.{name}: expected a value, got none")
    try:
        return factory(*args, **kwargs)
    except ConfigError:
        raise
    except Exception as error:  # whatever it is that someone else's code says of odd arguments
        # Messages begin with the argument's name, which then is the end of the key.
        named = re.split(r"[.:]", str(error))[0] in {*parameters, *kwargs}
        said = str(error) if isinstance(error, TELLING) else f"{type(error).__name__}: {error}"
        raise ConfigError(f"{key}{'.' if named else ': '}{said}") from error


def _told(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) else str(hint).replace("typing.", "")


def _argument(key: str, value: Any) -> Any:
    """A value as factories take it: plain, lists as tuples (so that modules stay hashable)."""
    return value if callable(value) else _tuples(jsonable(key, value))


def _tuples(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _tuples(item) for name, item in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list | tuple) else value


def _fits(value: Any, hint: Any) -> bool:
    """Whether a plain value is of the annotated type, as far as simple annotations tell."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, arg) for arg in args)
    if origin is typing.Literal:
        return value in args
    if isinstance(value, bool):
        return hint in (bool, typing.Any)
    if hint is float:
        return isinstance(value, int | float) or is_traced(value)
    if hint in (int, str, bool, type(None)):
        return isinstance(value, hint)
    if origin is tuple and args[-1:] != (Ellipsis,):
        return isinstance(value, tuple) and len(value) == len(args) and all(map(_fits, value, args))
    if origin in (tuple, collections.abc.Sequence):
        return isinstance(value, tuple) and all(_fits(item, args[0]) for item in value)
    if origin in (dict, Mapping):
        return isinstance(value, dict) and all(_fits(item, args[1]) for item in value.values())
    if hint is typing.Any or not isinstance(hint, type) or getattr(hint, "_is_protocol", False):
        # Schedules, priors and the like come as callables, never as numbers or text.
        return hint is typing.Any or not isinstance(value, int | float | str | type(None))
    return isinstance(value, hint)
