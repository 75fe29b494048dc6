"""Which file `--config` names: a path, or one of our configurations from any folder.

In a checkout ours are the files of `configs/` at its top; installed, they lie inside the package.
"""

from pathlib import Path

from vaejax.core.names import nearest
from vaejax.runs.config_error import ConfigError

_PACKAGE = Path(__file__).parent.parent
_INSTALLED = _PACKAGE / "configs"
FOLDER = _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parent / "configs"


def config_names() -> list[str]:
    """The names of our configurations."""
    return sorted(path.stem for path in FOLDER.glob("[a-z]*.py"))


def config_path(name: str) -> Path:
    """The file that a name stands for, there or not.

    Args:
        name: a path of a file; or what one of ours is called, `quickstart`, `quickstart.py` or
            `configs/quickstart.py`. A file that exists comes first.

    Raises:
        ConfigError: it is written as one of ours, and there is none of that name.
    """
    path = Path(name).expanduser()
    if path.is_file() or path.suffix not in ("", ".py"):
        return path
    if path.parent not in (Path(), Path("configs")):
        return path
    if path.stem in config_names():
        return FOLDER / f"{path.stem}.py"
    if path.is_dir():
        return path
    near = nearest(path.stem, config_names(), likeness=0.6)
    did_you_mean = f"did you mean {near!r}? " if near else ""
    raise ConfigError(
        f"--config: expected a file, or the name of one of ours, got {name!r}; {did_you_mean}"
        f"ours are {', '.join(config_names())} (--mode=list says what they are)"
    )


def check_path(text: str) -> Path:
    """The file of `FILE` or `FILE:VARIANT`, as far as that can be told without reading it.

    Raises:
        ConfigError: as `config_path`; or there is no name, or a folder of that name.
    """
    file = text.split(":", 1)[0]
    if not file:
        raise ConfigError(f"--config: expected FILE or FILE:VARIANT, got {text!r}")
    path = config_path(file)
    if path.is_dir():
        raise ConfigError(f"--config: expected a Python file to read, got the folder {file}")
    return path
