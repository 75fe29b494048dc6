"""The command line: `python -m vaejax.main --config=FILE[:variant] --workdir=DIR`.

Any value of the configuration can be changed, `--config.objective.beta=8`. A folder that holds a
run knows its configuration: there `--config` may be left out. A mistake ends the program with one
line that names the key, what was expected, and the nearest valid key.
"""

import os
import runpy
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import jax
from absl import flags
from ml_collections import ConfigDict, config_flags

from vaejax import kept_config
from vaejax.config import ConfigError, unknown_key
from vaejax.host_memory import keep_freed_memory
from vaejax.kept_config import CONFIG_FILE

CONFIG = config_flags.DEFINE_config_file("config", None, "Configuration, file.py[:variant].")
WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the run; the same again resumes it.")
MODE = flags.DEFINE_enum("mode", "train", ["train", "evaluate", "sample"], "What to do.")
CHECKPOINT = flags.DEFINE_enum(
    "checkpoint", "latest", ["latest", "best"], "What to evaluate, or to sample from."
)
TEMPERATURE = flags.DEFINE_list(
    "temperature", ["1"], "Of samples: a number, or one per latent group, top first."
)
SHARED_GROUPS = flags.DEFINE_integer(
    "shared_groups", 0, "So many latent groups from the top are shared by the samples of a row."
)
REESTIMATE = flags.DEFINE_bool(
    "reestimate", False, "Sample with batch statistics of samples; estimated once, then kept."
)
USAGE = "usage: python -m vaejax.main --config=FILE[:variant] --workdir=DIR [--mode=MODE]"
AGAIN = "--config may be left out where DIR holds a run."


def main() -> None:
    """Parse the flags and do what `--mode` says."""
    _use_kept_config(sys.argv)
    parse(sys.argv, f"{USAGE}\n{AGAIN}")
    with command():
        _do()


def _do() -> None:
    """What `--mode` says."""
    from vaejax import modes  # after the flags: a mistake in them is told at once
    from vaejax.checkpoint import DamagedCheckpoint
    from vaejax.train import train

    workdir = Path(WORKDIR.value).expanduser()
    try:
        if MODE.value == "train":
            train(CONFIG.value, workdir)
        elif MODE.value == "evaluate":
            modes.evaluate(CONFIG.value, workdir, CHECKPOINT.value)
        else:
            modes.sample(
                CONFIG.value,
                workdir,
                CHECKPOINT.value,
                temperature=_numbers("temperature", TEMPERATURE.value),
                shared_groups=SHARED_GROUPS.value,
                reestimate=REESTIMATE.value,
            )
    except DamagedCheckpoint as error:
        fail(f"{error}; no checkpoint in {workdir} is intact: remove it to start again")


@contextmanager
def command() -> Iterator[None]:
    """Around what a program does: settings of its process, and mistakes told in one line."""
    keep_freed_memory()  # before XLA starts its threads
    keep_compiled_programs()
    from vaejax.checkpoint import DamagedCheckpoint  # slow to import

    try:
        yield
    except (ConfigError, DamagedCheckpoint, FloatingPointError) as error:
        fail(str(error))


def parse(argv: list[str], usage: str) -> None:
    """Parse the flags, or end the program with a line that says what is wrong with them."""
    try:
        rest = flags.FLAGS(argv)[1:]
        if CONFIG.value is None or WORKDIR.value is None:
            fail(f"expected --config and --workdir\n{usage}")
        CONFIG.value.keys()  # a file that could not be loaded says so when it is first used
    except (flags.Error, ConfigError, OSError, SyntaxError) as error:
        fail(_without_traceback(str(error)))
    except (AttributeError, KeyError) as error:
        fail(_unknown_override(error, argv))
    if rest:
        fail(f"expected flags only, got {rest}\n{usage}")


def _use_kept_config(argv: list[str]) -> None:
    """Where there is no `--config`, insert that of the run in `--workdir`, if there is one."""
    early = flags.FlagValues()
    for name in ("config", "workdir"):
        flags.DEFINE_string(name, None, "", flag_values=early)
    try:
        early(argv, known_only=True)
    except flags.Error:
        return  # the same will be told when all flags are parsed
    if early.config is None and early.workdir is not None:
        workdir = Path(early.workdir).expanduser()
        if (workdir / CONFIG_FILE).is_file():  # in front: overrides must come behind it
            argv.insert(1, f"--config={kept_config.__file__}:{workdir}")


def _numbers(flag: str, texts: list[str]) -> list[float]:
    try:
        return [float(text) for text in texts]
    except ValueError:
        fail(f"--{flag}: expected a number, or several with commas between, got {texts}")


def _without_traceback(message: str) -> str:
    """The message itself where ml_collections put the traceback of a configuration file before."""
    if "Traceback" not in message:
        return message
    return message.strip().splitlines()[-1].removeprefix("vaejax.config.ConfigError: ")


def _unknown_override(error: Exception, argv: list[str]) -> str:
    """What to say of an override of a key that the locked configuration does not have."""
    given = dict(arg.lstrip("-").split("=", 1) for arg in argv if "=" in arg)
    file, _, variant = given["config"].partition(":")
    config = runpy.run_path(file)["get_config"](*[variant] if variant else [])
    for override in (name for name in given if name.startswith("config.")):
        section, path = config, override.split(".")[1:]
        for depth, name in enumerate(path):
            if not isinstance(section, ConfigDict) or name not in section:
                valid = section if isinstance(section, ConfigDict) else []
                return unknown_key(".".join(["config", *path[: depth + 1]]), name, valid)
            section = section[name]
    raise error


def keep_compiled_programs() -> None:
    """Keep what XLA compiled for the next start, unless $JAX_COMPILATION_CACHE_DIR says where."""
    if not os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        folder = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
        jax.config.update("jax_compilation_cache_dir", str(folder / "vaejax" / "compiled"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def fail(message: str) -> NoReturn:
    """End the program with one line."""
    sys.exit(f"error: {message}")


if __name__ == "__main__":
    main()
