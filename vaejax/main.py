"""The command line: `python -m vaejax.main --config=FILE[:variant] --workdir=DIR`.

One of our configurations may be given by its name, `--config=quickstart:smoke`. Any value of it can
be changed, `--config.objective.beta=8`; see `vaejax.runs.overrides`. A folder that holds a run
knows its configuration: there `--config` may be left out. A mistake ends the program with one line
that names the key, what was expected, and the nearest valid key. What a trained model is asked
(`--mode=encode` and the like) is in `vaejax.runs.looking`. Alone, `--help` and `--mode=list` say
what there is, `--mode=doctor` what JAX sees of the machine. JAX is imported by what needs it.
"""

import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, cast

from absl import flags

from vaejax.core.compiled import keep_compiled_programs
from vaejax.runs import answers, catalogue, command_line
from vaejax.runs.alarms import alarms_hidden
from vaejax.runs.config_error import ConfigError
from vaejax.runs.config_paths import check_path, config_names
from vaejax.runs.host_memory import keep_freed_memory
from vaejax.runs.warning_lines import warnings_in_a_line

if TYPE_CHECKING:
    from ml_collections import ConfigDict

HELP = ("--help", "-help", "-h")
CONFIG = flags.DEFINE_string("config", None, "Configuration, one of ours or FILE[:VARIANT].")
DATA = flags.DEFINE_string(
    "data", None, "Of --config=own: a folder of pictures, a .npy or .npz file."
)
SIZE = flags.DEFINE_string("size", None, "Of --config=own: pixels a side, or HEIGHTxWIDTH.")
WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the run; the same again resumes it.")
LOOKS = ["encode", "decode", "reconstruct", "interpolate", "traverse", "nearest"]
MODE = flags.DEFINE_enum(
    "mode",
    "train",
    ["train", "evaluate", "collapse", "sample", *LOOKS, "list", "doctor"],
    "What to do.",
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
LABELS = flags.DEFINE_string(
    "labels", None, "File of the classes of --images, .npy or FILE.npz:KEY, where a model looks."
)
ATTRIBUTES = flags.DEFINE_list(
    "attributes",
    [],
    "What to traverse along: factors of the run's data, NAME or NAME=VALUE, or of --images, "
    "FILE.npz:KEY or FILE.npz:KEY=VALUE.",
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
AGAIN = "--config may be left out where DIR holds a run; --help says what there is."


def main() -> None:
    """Parse the flags and do what `--mode` says."""
    config = parse(sys.argv, f"{USAGE}\n{AGAIN}", alone=["doctor", "list"], kept=True)
    if MODE.value == "list":
        print(answers.everything())
    elif MODE.value == "doctor":
        _consult_doctor()
    else:
        with command():
            _do(cast("ConfigDict", config), workdir_of(cast(str, WORKDIR.value)))


def _consult_doctor() -> NoReturn:
    from vaejax.runs import doctor, machine

    keep_compiled_programs()  # so that their folder is looked at
    sys.exit(doctor.consult(machine.facts()))


def _do(config: "ConfigDict", workdir: Path) -> None:
    """What `--mode` says."""
    from vaejax.runs import collapse, modes
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


def _look(config: "ConfigDict", workdir: Path, which: Any) -> None:
    """What a mode asks of a trained model."""
    from vaejax.runs.looking import Asked, look

    scales = _numbers("temperature", TEMPERATURE.value)
    asked = Asked(
        images=IMAGES.value,
        labels=LABELS.value,
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
    from vaejax.runs import doctor, machine

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
        with alarms_hidden(), warnings_in_a_line():
            yield
    except (
        ConfigError, DamagedCheckpoint, FailedEvaluation, FloatingPointError, OSError,
    ) as error:  # fmt: skip
        fail(str(error))


def parse(
    argv: Sequence[str], usage: str, *, alone: Collection[str] = (), kept: bool = False
) -> "ConfigDict | None":
    """Parse the flags, or answer what they ask, or say in a line what is wrong with them.

    Args:
        argv: of the program.
        usage: printed where something is missing, and before what the flags mean by `--help`.
        alone: values of `--mode` that need neither `--config` nor `--workdir`.
        kept: a folder that holds a run knows its configuration.

    Returns:
        The configuration, with what the command line says of it; None for a mode that needs none.
    """
    wants_help = not {*HELP}.isdisjoint(argv)
    try:
        given = flags.FLAGS.read_flags_from_files([arg for arg in argv[1:] if arg not in HELP])
    except (flags.Error, OSError, UnicodeDecodeError) as error:
        fail(f"--flagfile: {str(error).removeprefix('ERROR:: ')}")
    try:
        overrides, others = command_line.split(given)
        rest = flags.FLAGS([argv[0], *others])[1:]
        if rest:
            ours = [text for text in rest if text.split(":")[0] in config_names()]
            hint = f"; did you mean --config={ours[0]}?" if ours else ""
            fail(f"expected flags only, got {rest}{hint}\n{usage}")
        workdir = None if WORKDIR.value is None else workdir_of(WORKDIR.value)
        if CONFIG.value is not None:
            check_path(CONFIG.value)
        if MODE.value in alone and not wants_help:
            return None
        known = CONFIG.value is not None or (kept and workdir is not None and _holds_run(workdir))
        if wants_help:
            print(_help(workdir, overrides) if known else answers.usage(usage))
            sys.exit()
        if not known or workdir is None:
            hint = f"; there is no run in {workdir}" if kept and workdir is not None else ""
            fail(f"expected --config and --workdir{hint}\n{usage}")
        return _loaded(workdir, overrides)
    except (flags.Error, ConfigError, OSError) as error:
        fail(str(error))


def _holds_run(workdir: Path) -> bool:
    """Whether a folder knows its configuration."""
    if not workdir.is_dir():
        return False
    from vaejax.runs import kept_config

    return kept_config.holds_config(workdir)


def _loaded(workdir: Path | None, overrides: Sequence[command_line.Override]) -> "ConfigDict":
    """The configuration of `--config`, or else of the run in a folder, with what is said of it."""
    from vaejax.runs import kept_config
    from vaejax.runs.config_file import load_config
    from vaejax.runs.overrides import overridden

    asked = {"data": DATA.value, "size": SIZE.value}
    arguments = {name: text for name, text in asked.items() if text is not None}
    if CONFIG.value is not None:
        return overridden(load_config(CONFIG.value, arguments), overrides)
    for name, text in arguments.items():
        raise ConfigError(
            f"--{name}: expected none without --config, as the run in {workdir} knows its data, "
            f"got {text!r}{'; --config.data.path says where they are now' * (name == 'data')}"
        )
    said = {text for _, text in overrides if text}  # what may be imported: names on the line
    return overridden(kept_config.get_config(str(workdir), allowed=said), overrides)


def _help(workdir: Path | None, overrides: Sequence[command_line.Override]) -> str:
    """The header of the configuration, and its keys."""
    from vaejax.runs.config_help import keys_of

    header = [] if CONFIG.value is None else [catalogue.header_of(check_path(CONFIG.value))]
    try:
        keys = keys_of(_loaded(workdir, overrides))
    except ConfigError as error:  # as of one that depends on data, which are yet to be named
        keys = f"its keys cannot be told: {error}"
    return "\n".join([*header, keys])


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


def _numbers(flag: str, texts: Sequence[str]) -> list[float]:
    try:
        return [float(text) for text in texts]
    except ValueError:
        fail(f"--{flag}: expected a number, or several with commas between, got {texts}")


def fail(message: str) -> NoReturn:
    """End the program with one line."""
    sys.exit(f"error: {message}")


if __name__ == "__main__":
    main()
