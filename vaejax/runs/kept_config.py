"""The configuration beside the run that it belongs to: kept, compared, and used again.

`config.json` is for people and for `--config`; every checkpoint holds the configuration too, with a
checksum, and what the newest of them holds is what counts: a `config.json` that is lost, damaged or
altered is written again from it.

`get_config` is what the command line takes where there is no `--config`.
"""

import json
from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any, TypeGuard

import jax
import ml_collections

from vaejax.core.files import write_whole
from vaejax.core.importing import AS_KEY, imported_names, is_imported
from vaejax.data.array_file import names_file
from vaejax.runs import checkpoint_record as records
from vaejax.runs.config import ConfigError, check_sections, run_config
from vaejax.runs.config_compared import first_difference, with_defaults
from vaejax.runs.config_values import as_json

CHECKPOINTS = "checkpoints"  # folder of a run
CONFIG_FILE = "config.json"
# What may change when a run is resumed: it may be made longer, be watched more closely, move.
FREE_KEYS = {
    "eval": set(),  # all of it
    "objective": {"num_examples"},  # the data's; runs once had to say it
    "train": {"num_steps", "log", "log_every", "eval_every"},
    "data": {"path", "data_dir", "manual_dir"},
}


def get_config(workdir: str, allowed: Container[str] = ()) -> ml_collections.ConfigDict:
    """The configuration of the run in a folder.

    Args:
        workdir: of the run.
        allowed: names `package.module:attribute` that may be imported. A file in a folder that
            somebody sent must not become a way to run code.

    Raises:
        ConfigError: the configuration names other code than the library's, or than `allowed`; or it
            is none.
    """
    values = kept(Path(workdir))
    for name, place in imported_names(_without_files(values)).items():
        if name not in allowed:
            said = "" if place.endswith(AS_KEY) else f"say so by --{place}={name}, or "
            raise ConfigError(
                f"{place}: {workdir} names code that is not vaejax's, {name!r}; to run it, {said}"
                f"give --config=FILE; in Python, load(..., allowed=[{name!r}])"
            )
    check_sections(values)
    try:
        return run_config(**values)
    except ConfigError:
        raise
    except (TypeError, ValueError) as error:  # of keys that no configuration could have
        raise ConfigError(f"{workdir}/{CONFIG_FILE}: {error}") from error


def _without_files(values: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration without arguments of `data` that are `FILE.npz:KEY`, which no code is.

    Of a data set of the library that is certain: no argument of theirs stands for code.
    """
    data = values.get("data")
    if not isinstance(data, Mapping) or is_imported(data.get("name")):
        return {**values}
    files = [key for key, value in data.items() if isinstance(value, str) and names_file(value)]
    return {**values, "data": {key: data[key] for key in data if key not in files}}


def keep_config(workdir: Path, config: ml_collections.ConfigDict) -> None:
    """Write the configuration beside the run that it belongs to."""
    values = as_json(config)
    if jax.process_index() != 0:
        return
    newest = next(records.records_in(workdir / CHECKPOINTS), None)
    if newest is not None and newest[1].get("config") != values:
        records.note(workdir / CHECKPOINTS, newest[0], config=values)
    _write(workdir, values)


def kept(workdir: Path) -> dict[str, Any]:
    """The configuration kept in a folder, by sections; `config.json` is mended if need be.

    Raises:
        ConfigError: `config.json` is lost or damaged, and no checkpoint holds the configuration.
    """
    path = workdir / CONFIG_FILE
    found, problem = _read(path)
    for step, record in records.records_in(workdir / CHECKPOINTS):
        held = record.get("config")
        if not _has_sections(held):  # of an older version
            continue
        if found is not None:
            difference = first_difference(found, held, {})
            if difference is None:
                return found
            problem = "{} is {!r} there, and was {!r} when it was kept".format(*difference)
        print(f"{path}: {problem}; written again from the checkpoint of step {step}")
        if jax.process_index() == 0:
            _write(workdir, held)
        return held
    if found is None:
        raise ConfigError(
            f"{path}: expected the configuration of the run, but {problem}, and no checkpoint "
            "holds it; remove the file, and say by --config what the run is"
        )
    return found


def holds_config(workdir: Path) -> bool:
    """Whether a folder holds a run that knows its configuration, whole or not."""
    if (workdir / CONFIG_FILE).is_file():
        return True
    held = (record.get("config") for _, record in records.records_in(workdir / CHECKPOINTS))
    return any(map(_has_sections, held))


def has_other_evaluations(workdir: Path, config: ml_collections.ConfigDict) -> bool:
    """Whether the run in a folder is evaluated otherwise than `config` says."""
    wanted, found = with_defaults(as_json(config)), with_defaults(kept(workdir))
    return wanted.get("eval") != found.get("eval")


def check_same_run(workdir: Path, config: ml_collections.ConfigDict) -> None:
    """Refuse a folder that holds a run of another configuration.

    `FREE_KEYS` may differ. What one of the two leaves out has its default there.

    Raises:
        ConfigError: with the first key that differs.
    """
    if not holds_config(workdir):
        print(f"{workdir / CONFIG_FILE}: not there, nor in a checkpoint; taken to be what is given")
        return
    difference = first_difference(kept(workdir), as_json(config), FREE_KEYS)
    if difference is not None:
        key, theirs, ours = difference
        raise ConfigError(
            f"{key}: expected {theirs!r}, as in the run that {workdir} holds, got {ours!r}; "
            "choose another --workdir"
        )


def _read(path: Path) -> tuple[dict[str, Any] | None, str]:
    """What is in a file, or None and what is wrong with it."""
    try:
        values = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None, "it is not there"
    except (OSError, ValueError, RecursionError) as error:
        return None, f"it is damaged ({error})"
    if not _has_sections(values):
        return None, "it is damaged (not a JSON object of sections)"
    return values, ""


def _has_sections(values: Any) -> TypeGuard[dict[str, Any]]:
    return isinstance(values, dict) and all(isinstance(x, dict) for x in values.values())


def _write(workdir: Path, values: Mapping[str, Any]) -> None:
    write_whole(workdir / CONFIG_FILE, json.dumps(values, indent=2) + "\n")
