"""A configuration from the Python file that `--config` names."""

import inspect
import runpy
import traceback
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from ml_collections import ConfigDict

from vaejax.runs.config import ConfigError, run_config
from vaejax.runs.config_paths import check_path


def load_config(text: str, arguments: Mapping[str, str] = MappingProxyType({})) -> ConfigDict:
    """The configuration that `get_config` of a Python file returns, locked.

    Args:
        text: `FILE` or `FILE:VARIANT`, with the file as in `config_paths.config_path`; the variant
            is handed to `get_config`.
        arguments: flags by name, for the keyword-only arguments of `get_config`.

    Raises:
        ConfigError: there is no such file, or it gives no configuration, or takes no such
            arguments; with its line, if it is the file's own mistake.
    """
    file, variant = str(check_path(text)), text.split(":", 1)[1:]
    try:
        get_config: Any = runpy.run_path(file).get("get_config")
        _check_call(file, get_config, variant, arguments)
        config = get_config(*variant, **arguments)
        if isinstance(config, Mapping):
            config = run_config(**config)
    except ConfigError:
        raise
    except Exception as error:
        raise _mistake(file, error) from error
    if not isinstance(config, ConfigDict):
        raise ConfigError(
            f"--config: expected get_config of {file} to return run_config(...), got {config!r}"
        )
    return config.lock()


def _check_call(
    file: str,
    get_config: Callable[..., Any] | None,
    variant: list[str],
    arguments: Mapping[str, str],
) -> None:
    if not callable(get_config):
        got = "none" if get_config is None else repr(get_config)
        raise ConfigError(f"--config: expected a function get_config in {file}, got {got}")
    parameters = inspect.signature(get_config).parameters
    for name in arguments:
        if name not in parameters or parameters[name].kind is not inspect.Parameter.KEYWORD_ONLY:
            raise ConfigError(
                f"--{name}: expected none with --config={file}, whose get_config has no argument "
                f"of that name, got {arguments[name]!r}"
            )
    for name, parameter in parameters.items():
        needed = parameter.kind is parameter.KEYWORD_ONLY and parameter.default is parameter.empty
        if needed and name not in arguments:
            raise ConfigError(f"--{name}: expected a value, as get_config of {file} asks, got none")
    try:
        inspect.signature(get_config).bind(*variant, **arguments)
    except TypeError:
        expected = f"{file} without a variant" if variant else f"{file}:VARIANT"
        raise ConfigError(
            f"--config: expected {expected}, as its get_config is called, "
            f"got {':'.join([file, *variant])}"
        ) from None


def _mistake(file: str, error: Exception) -> ConfigError:
    """The error for a mistake in a configuration file, with the last of its lines that ran."""
    if isinstance(error, SyntaxError):
        reason, lines = error.msg, [error.lineno]
    else:
        frames = traceback.extract_tb(error.__traceback__)
        reason, lines = str(error), [frame.lineno for frame in frames if frame.filename == file]
    if not lines and isinstance(error, OSError):
        return ConfigError(f"--config: expected a Python file to read, got {error}")
    where = f"{file}, line {lines[-1]}" if lines and lines[-1] else file
    return ConfigError(f"--config: {where}: {type(error).__name__}: {reason}")
