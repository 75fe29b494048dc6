"""The configuration beside the run that it belongs to: kept, compared, and used again.

This file is itself one that `--config` can name: with a folder behind the colon it is the
configuration kept there, which is what the command line takes where there is no `--config`.
"""

import json
from pathlib import Path

import jax
import ml_collections

from vaejax.config import ConfigError, run_config

CONFIG_FILE = "config.json"
# What may change when a run is resumed: it may be made longer, be watched more closely, move.
FREE_KEYS = {
    "train": {"num_steps", "log_every", "eval_every"},
    "data": {"path", "data_dir", "manual_dir"},
}


def get_config(workdir: str) -> ml_collections.ConfigDict:
    """The configuration of the run in a folder."""
    return run_config(**json.loads((Path(workdir) / CONFIG_FILE).read_text()))


def keep_config(workdir: Path, config: ml_collections.ConfigDict) -> None:
    """Write the configuration beside the run that it belongs to."""
    if jax.process_index() == 0:
        wanted = json.loads(config.to_json())
        (workdir / CONFIG_FILE).write_text(json.dumps(wanted, indent=2) + "\n")


def has_other_evaluations(workdir: Path, config: ml_collections.ConfigDict) -> bool:
    """Whether the run in a folder is evaluated otherwise than `config` says."""
    wanted, found = json.loads(config.to_json()), json.loads((workdir / CONFIG_FILE).read_text())
    return wanted.get("eval") != found.get("eval")


def check_same_run(workdir: Path, config: ml_collections.ConfigDict) -> None:
    """Refuse a folder that holds a run of another configuration.

    Evaluations may differ, and `FREE_KEYS`.

    Raises:
        ConfigError: with the first key that differs.
    """
    wanted, found = json.loads(config.to_json()), json.loads((workdir / CONFIG_FILE).read_text())
    for section in sorted((set(wanted) | set(found)) - {"eval"}):
        ours, theirs = wanted.get(section, {}), found.get(section, {})
        for key in sorted((set(ours) | set(theirs)) - FREE_KEYS.get(section, set())):
            if ours.get(key) != theirs.get(key):
                raise ConfigError(
                    f"config.{section}.{key}: expected {theirs.get(key)!r}, as in the run that "
                    f"{workdir} holds, got {ours.get(key)!r}; choose another --workdir"
                )
