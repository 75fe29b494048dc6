"""Where a log goes beside the folder of its run, and in what extra each is installed.

A sink's package is imported where the configuration asks for it, `config.train.log`, and nowhere
else.
"""

import importlib
import importlib.util
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from vaejax.core.files import write_whole
from vaejax.runs.sinks.sink import About, Guarded, Sink

SINKS_FILE = "sinks.json"  # in the folder of a run: what its sinks call it


class Known(NamedTuple):
    """A sink that we have.

    Attributes:
        opens: module and class.
        package: that it imports.
        extra: of ours, with that package.
    """

    opens: str
    package: str
    extra: str


KNOWN = {
    "tensorboard": Known("vaejax.runs.sinks.tensorboard:TensorBoard", "tensorboardX", "log"),
    "wandb": Known("vaejax.runs.sinks.wandb:Wandb", "wandb", "wandb"),
    "mlflow": Known("vaejax.runs.sinks.mlflow:MLflow", "mlflow", "mlflow"),
}
ALWAYS = "tensorboard"  # asked for by default: where it is not installed, a line says so


def sink_names(text: str) -> list[str]:
    """The sinks that `config.train.log` names, `"tensorboard,wandb"`.

    Raises:
        ValueError: "log: ...", of one that there is not.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in KNOWN:
            raise ValueError(
                f"log: expected some of {','.join(KNOWN)}, or nothing, with commas between; "
                f"got {name!r}"
            )
    return list(dict.fromkeys(names))


def check_installed(text: str) -> None:
    """Raise a ValueError, "log: ...", if a sink's package is not there; `ALWAYS` may be missing."""
    for name in sink_names(text):
        if name != ALWAYS and not _is_installed(name):
            raise ValueError(
                f"log: expected {KNOWN[name].package} to be installed for {name!r} "
                f"(pip install 'vaejax[{KNOWN[name].extra}]'), got none"
            )


def open_sinks(
    text: str,
    workdir: Path,
    *,
    step: int,
    config: Mapping[str, Any],
    say: Callable[[str], None],
) -> list[Sink]:
    """The sinks that `config.train.log` names, none of which can end the run.

    Args:
        text: see `sink_names`.
        workdir: of the run.
        step: the step the run resumes from.
        config: of the run, as JSON holds it.
        say: told what is missing, and what fails.
    """
    sinks: list[Sink] = []
    for name in sink_names(text):
        if _is_installed(name):
            sinks.append(Guarded(name, _opening(name, workdir, step, config), workdir, say))
        else:
            say(f"no {name} (for it: pip install 'vaejax[{KNOWN[name].extra}]')")
    return sinks


def _opening(name: str, workdir: Path, step: int, config: Mapping[str, Any]) -> Callable[[], Sink]:
    def open_sink() -> Sink:
        module, attribute = KNOWN[name].opens.split(":")
        kept = _kept(workdir)

        def remember(text: str) -> None:
            write_whole(workdir / SINKS_FILE, json.dumps(_kept(workdir) | {name: text}) + "\n")

        known = kept.get(name) if step else None
        about = About(workdir, step, config, known, remember)
        return getattr(importlib.import_module(module), attribute)(about)

    return open_sink


def _is_installed(name: str) -> bool:
    return importlib.util.find_spec(KNOWN[name].package) is not None


def _kept(workdir: Path) -> dict[str, str]:
    """What the sinks call the run; nothing where the file is not there, or damaged."""
    try:
        kept = json.loads((workdir / SINKS_FILE).read_bytes())
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}
