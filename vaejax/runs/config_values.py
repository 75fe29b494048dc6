"""Values of a configuration: plain Python, whatever they were given as, so that JSON holds them."""

import math
import os
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
from ml_collections import config_dict

from vaejax.core.checks import is_traced
from vaejax.runs.config_error import ConfigError


def plain(key: str, value: Any) -> Any:
    """A value as Python has it: mappings as dicts, numbers of NumPy and JAX, and paths, converted.

    A number of lower precision becomes the shortest decimal that reads back as the same: 0.1, not
    0.10000000149. What is filled in or known later (placeholders, traced numbers) stays as it is.

    Args:
        key: where the value stands, for messages: `"config.objective.beta"`.
        value: any.

    Raises:
        ConfigError: the value is none that a configuration can hold.
    """
    if isinstance(value, ml_collections.ConfigDict):
        value = dict(value.items(preserve_field_references=True))
    if isinstance(value, Mapping):
        return {_name(key, name): plain(f"{key}.{name}", item) for name, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)([plain(key, item) for item in value])
    if isinstance(value, config_dict.FieldReference) or is_traced(value):
        return value
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, np.generic | np.ndarray | jax.Array):
        return _number(key, value)
    if isinstance(value, float) and math.isnan(value):
        raise ConfigError(f"{key}: expected a number, got {value}")
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ConfigError(
        f"{key}: expected a number, text, a path, None, or tuples and mappings of them, "
        f"got {value!r} of type {type(value).__name__}"
    )


def as_json(config: ml_collections.ConfigDict) -> dict[str, Any]:
    """A configuration as JSON holds it: `plain`, with lists for tuples.

    Raises:
        ConfigError: a value that a configuration cannot hold, or one that was left to be filled in.
    """
    return jsonable("config", config)


def jsonable(key: str, value: Any) -> Any:
    """As `as_json`, of one value; `key` says where it stands."""
    if isinstance(value, config_dict.FieldReference):
        try:
            value = value.get()
        except config_dict.RequiredValueError:
            raise ConfigError(f"{key}: expected a value, got none") from None
    value = plain(key, value)
    if isinstance(value, dict):
        return {name: jsonable(f"{key}.{name}", item) for name, item in value.items()}
    return [jsonable(key, item) for item in value] if isinstance(value, list | tuple) else value


def _name(key: str, name: Any) -> str:
    if not isinstance(name, str):
        raise ConfigError(f"{key}: expected text as keys, got {name!r}")
    return name


def _number(key: str, value: Any) -> Any:
    try:
        array = np.asarray(value)
    except TypeError:  # a key of JAX
        raise ConfigError(f"{key}: expected a number, got {value!r}") from None
    if array.ndim:
        return tuple(_number(key, element) for element in array)
    if array.dtype.kind in "biuU":
        return array.item()
    if not jnp.issubdtype(array.dtype, jnp.floating):
        raise ConfigError(f"{key}: expected a number, got {value!r}")
    return plain(key, float(str(array[()])))
