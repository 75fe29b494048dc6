"""The command line: `python -m vaejax.main --config=FILE[:variant] --workdir=DIR`.

One of our configurations may be given by its name, `--config=quickstart:smoke`. Any value of it can
be changed, `--config.objective.beta=8`. A folder that holds a run knows its configuration: there
`--config` may be left out. A mistake ends the program with one line that names the key, what was
expected, and the nearest valid key. What a trained model is asked (`--mode=encode` and the like) is
in `vaejax.runs.looking`. `--mode=doctor`, alone, says what JAX sees of the machine.
"""

import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, cast

from absl import flags
from ml_collections import ConfigDict, config_flags

from vaejax.core.compiled import keep_compiled_programs
from vaejax.runs import config_compared, doctor, kept_config, machine
from vaejax.runs.config import ConfigError, unknown_key
from vaejax.runs.config_file import load_config
from vaejax.runs.config_values import as_json
from vaejax.runs.host_memory import keep_freed_memory

KEPT = "kept in "  # then the folder: a value of `--config` that stands for what the run there keeps


class _ConfigFile(flags.ArgumentParser):
    """Reads the value of `--config`; a mistake in its file is a mistake in the flag."""

    def parse(self, argument: str) -> ConfigDict:
        try:
            if argument.startswith(KEPT):
                said = set(_given(sys.argv).values())  # what may be imported: names on the line
                return kept_config.get_config(argument.removeprefix(KEPT), allowed=said)
            return load_config(argument)
        except ConfigError as error:
            raise flags.Error(str(error)) from error


try:
    CONFIG = config_flags.DEFINE_config_file("config", None, "Configuration, FILE[:variant].")
except (flags.Error, ValueError) as error:  # it reads what --flagfile names, here already
    sys.exit(f"error: --flagfile: {str(error).removeprefix('ERROR:: ')}")
flags.FLAGS["config"].parser = _ConfigFile()
WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the run; the same again resumes it.")
LOOKS = ["encode", "decode", "reconstruct", "interpolate", "traverse", "nearest"]
MODE = flags.DEFINE_enum(
    "mode", "train", ["train", "evaluate", "collapse", "sample", *LOOKS, "doctor"], "What to do."
)
CHECKPOINT = flags.DEFINE_enum(
    "checkpoint", "latest", ["latest", "best"], "What a mode other than train looks at."
)
IMAGES = flags.DEFINE_string(
    "images",
    None,
    "Folder of pictures, picture, .npy or .npz file (FILE.npz:KEY), or split of the run's data, to "
    "encode, reconstruct, ...; by default the held-out split.",
)
CODES = flags.DEFINE_string("codes", None, "File of codes to decode, as --mode=encode writes them.")
ATTRIBUTES = flags.DEFINE_list(
    "attributes", [], "Factors of the run's data, NAME or NAME=VALUE, to traverse along."
)
GROUPS = flags.DEFINE_integer(
    "groups", None, "Reconstruct from so many latent groups from the top; the others are drawn."
)
NUM_STEPS = flags.DEFINE_integer("num_steps", 8, "Images of an interpolation, ends included.")
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
    parse(sys.argv, f"{USAGE}\n{AGAIN}", alone=["doctor"])
    if MODE.value == "doctor":
        keep_compiled_programs()  # so that their folder is looked at
        sys.exit(doctor.consult(machine.facts()))
    with command():
        _do(CONFIG.value, workdir_of(cast(str, WORKDIR.value)))  # `parse` has seen to it


def _do(config: ConfigDict, workdir: Path) -> None:
    """What `--mode` says."""
    from vaejax.runs import collapse, modes  # after the flags: a mistake in them is told at once
    from vaejax.runs.checkpoint_record import DamagedCheckpoint
    from vaejax.runs.loop import train

    which = cast(modes.Which, CHECKPOINT.value)
    try:
        if MODE.value == "train":
            train(config, workdir)
        elif MODE.value == "evaluate":
            modes.evaluate(config, workdir, which)
        elif MODE.value == "collapse":
            collapse.report(config, workdir, which)
        elif MODE.value in LOOKS:
            _look(config, workdir, which)
        else:
            modes.sample(
                config,
                workdir,
                which,
                temperature=_numbers("temperature", TEMPERATURE.value),
                shared_groups=SHARED_GROUPS.value,
                reestimate=REESTIMATE.value,
            )
    except DamagedCheckpoint as error:
        fail(f"{error}; no checkpoint in {workdir} is intact: remove it to start again")


def _look(config: ConfigDict, workdir: Path, which: Any) -> None:
    """What a mode asks of a trained model."""
    from vaejax.runs.looking import Asked, look

    scales = _numbers("temperature", TEMPERATURE.value)
    asked = Asked(
        images=IMAGES.value,
        codes=CODES.value,
        attributes=ATTRIBUTES.value,
        groups=GROUPS.value,
        num_steps=NUM_STEPS.value,
        temperature=scales[0] if len(scales) == 1 else tuple(scales),
    )
    look(MODE.value, config, workdir, which, asked)


@contextmanager
def command() -> Iterator[None]:
    """Around what a program does: its settings, a line of what JAX sees, mistakes in one line."""
    keep_freed_memory()  # before XLA starts its threads
    keep_compiled_programs()
    facts = machine.facts()
    if facts.failure:
        fail(f"{doctor.diagnose(facts)[0]} (--mode=doctor says more)")
    if facts.process == 0:
        print(doctor.headline(facts))
    from vaejax.runs.checkpoint_record import DamagedCheckpoint
    from vaejax.runs.failures import FailedEvaluation

    try:
        yield
    except (
        ConfigError, DamagedCheckpoint, FailedEvaluation, FloatingPointError, OSError,
    ) as error:  # fmt: skip
        fail(str(error))


def parse(argv: list[str], usage: str, alone: Collection[str] = ()) -> None:
    """Parse the flags, or end the program with a line that says what is wrong with them.

    Args:
        argv: of the program; what `--flagfile` names is put in its place.
        usage: printed where something is missing, and before what the flags mean by `--help`.
        alone: values of `--mode` that need neither `--config` nor `--workdir`.
    """
    if {"--help", "-h"} & set(argv):
        modules = flags.FLAGS.flags_by_module_dict()
        ours = [module for module in modules if not module.startswith(("absl.", "orbax."))]
        print(usage, *map(flags.FLAGS.module_help, ours), sep="\n")
        sys.exit()
    try:
        argv[1:] = flags.FLAGS.read_flags_from_files(argv[1:])
        rest = flags.FLAGS(argv)[1:]
        if WORKDIR.value is not None:
            workdir_of(WORKDIR.value)
        if None in (CONFIG.value, WORKDIR.value) and MODE.value not in alone:
            fail(f"expected --config and --workdir\n{usage}")
    except (flags.Error, ConfigError, OSError) as error:
        fail(str(error))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        fail(_unknown_override(error, argv))
    if rest:
        fail(f"expected flags only, got {rest}\n{usage}")


def workdir_of(text: str) -> Path:
    """The folder that `--workdir` names, which may be yet to be made.

    Raises:
        ConfigError: it cannot be one.
    """
    try:
        workdir = Path(text).expanduser()
        if text.strip() and (workdir.is_dir() or not workdir.exists()):
            return workdir
    except (OSError, RuntimeError) as error:  # too long; nobody's home
        raise ConfigError(f"--workdir: expected a folder, got {text!r} ({error})") from error
    found = "a file" if text.strip() else "nothing"
    raise ConfigError(f"--workdir: expected a folder, got {text!r}, {found}")


def _use_kept_config(argv: list[str]) -> None:
    """Where there is no `--config`, insert that of the run in `--workdir`, if there is one."""
    early = flags.FlagValues()
    for name in ("config", "workdir"):
        flags.DEFINE_string(name, None, "", flag_values=early)
    try:
        early(argv, known_only=True)
        if early.config is None and early.workdir is not None:
            workdir = workdir_of(early.workdir)
            if kept_config.holds_config(workdir):  # in front: overrides must come behind it
                argv.insert(1, f"--config={KEPT}{workdir}")
    except (flags.Error, ConfigError, OSError, ValueError):
        return  # the same will be told when all flags are parsed


def _numbers(flag: str, texts: Sequence[str]) -> list[float]:
    try:
        return [float(text) for text in texts]
    except ValueError:
        fail(f"--{flag}: expected a number, or several with commas between, got {texts}")


def _unknown_override(error: Exception, argv: list[str]) -> str:
    """What to say of an override of a key that the locked configuration does not have."""
    given = _given(argv)
    config = _ConfigFile().parse(given["config"]) if "config" in given else ConfigDict()
    offered = config_compared.with_defaults(as_json(config))
    for override in (name for name in given if name.startswith("config.")):
        told = _problem_of(override, config, offered)
        if told is not None:
            return told
    return f"--config: {type(error).__name__}: {error}"


def _problem_of(override: str, config: ConfigDict, offered: Mapping[str, Any]) -> str | None:
    """What is wrong with the key `config.a.b` of an override; None if nothing is.

    Args:
        override: the key.
        config: the configuration.
        offered: the same with all defaults: what its file could set.
    """
    in_file = f"expected in the configuration file, got it as --{override}"
    section, key = config, "config"
    for name in override.split(".")[1:]:
        if not isinstance(section, ConfigDict):
            return f"{key}: expected no key below a value, got {name!r}"
        key = f"{key}.{name}"
        if name not in section:
            return f"{key}: {in_file}" if name in offered else unknown_key(key, name, section)
        section, offered = section[name], offered[name] or {}
    return f"{key}: {in_file}" if section is None else None  # None has no type


def _given(argv: Sequence[str]) -> dict[str, str]:
    """Flags by name with their values, `--name=value` and `--name value` alike."""
    given = {}
    for arg, following in zip(argv, [*argv[1:], ""], strict=True):
        if arg.startswith("-"):
            name, equals, value = arg.lstrip("-").partition("=")
            name = name.removeprefix("no") if name.startswith("noconfig.") else name
            given[name] = value if equals else following
    return given


def fail(message: str) -> NoReturn:
    """End the program with one line."""
    sys.exit(f"error: {message}")


if __name__ == "__main__":
    main()
