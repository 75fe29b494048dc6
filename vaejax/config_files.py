"""The configurations that come with vaejax, by name: `--config=nvae_celeba:small` anywhere.

In a checkout they are the files of `configs/` at its top; installed, they lie inside the package.
"""

import importlib.util
from pathlib import Path
from typing import Any

import ml_collections

_PACKAGE = Path(__file__).parent
FOLDER = next(
    folder
    for folder in (_PACKAGE / "configs", _PACKAGE.parent / "configs")
    if (folder / "quickstart.py").is_file()
)


def config_names() -> list[str]:
    """The names of all configurations."""
    return sorted(path.stem for path in FOLDER.glob("[a-z]*.py"))


def config_file(name: str) -> Path | None:
    """The file that `name` stands for, or None.

    Args:
        name: a path of a file; or what one of ours is called, `quickstart`, `quickstart.py` or
            `configs/quickstart.py`, which need not be there. A file that exists comes first.
    """
    path = Path(name).expanduser()
    if path.is_file():
        return path
    is_ours = path.stem in config_names() and path.suffix in ("", ".py")
    if is_ours and path.parent in (Path(), Path("configs")):
        return FOLDER / f"{path.stem}.py"
    return None


def load_config(name: str, variant: str = "") -> ml_collections.ConfigDict:
    """The configuration of one of ours, or of a file.

    Raises:
        ValueError: there is no such configuration.
    """
    path = config_file(name)
    if path is None:
        raise ValueError(f"config: expected a file or one of {config_names()}, got {name!r}")
    return load_module(path).get_config(variant)


def load_module(path: Path) -> Any:
    """The module in a file, which need not be importable by a name."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
