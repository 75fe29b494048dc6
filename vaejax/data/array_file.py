"""Reads the array in a `.npy` or `.npz` file, or says in one line why it cannot."""

import os
import zipfile
from pathlib import Path

import numpy as np

_BEGINNINGS = {b"\x93NUMPY": ".npy", b"PK\x03\x04": ".npz", b"PK\x05\x06": ".npz"}


def load_array(path: str | os.PathLike, key: str | None = None) -> np.ndarray:
    """The array of a `.npy` (memory-mapped) or the array `key` of a `.npz` file.

    Args:
        path: the file.
        key: which array of a `.npz`; may be left out where there is only one.

    Raises:
        ValueError: the file is missing, damaged or of another kind, or there is no such key.
    """
    path = Path(path).expanduser()
    suffix = path.suffix.lower()
    if suffix not in (".npy", ".npz") or not path.is_file():
        raise ValueError(f"path: expected a .npy or .npz file, got {path}{absence(path)}")
    kind = _kind(path)
    if kind and kind != suffix:
        raise ValueError(f"path: expected a {suffix} file, got a {kind} file called {path}")
    try:
        if suffix == ".npy":
            return np.load(path, mmap_mode="r")
        with np.lib.npyio.NpzFile(path) as arrays:  # type: ignore[arg-type]  # paths do, too
            names = arrays.files
            if key is None and len(names) == 1:
                key = names[0]
            if key in names and isinstance(array := arrays[key], np.ndarray):
                return array
    except Exception as error:  # a header is parsed as Python, and damaged ones fail in any way
        raise ValueError(f"path: expected a whole file, got a damaged {path} ({error})") from error
    expected = f"an array {key!r}" if key else "one array, or a key to choose by,"
    raise ValueError(f"path: expected {expected} in {path}, got {names}")


def load_named(text: str) -> np.ndarray:
    """The array that `FILE.npy`, `FILE.npz` (of a single one) or `FILE.npz:KEY` names.

    Raises:
        ValueError: as `load_array` does.
    """
    return load_array(*file_and_key(text))


def file_and_key(text: str) -> tuple[str, str | None]:
    """`FILE.npz:KEY` as the file and the key; another text is a file, without a key."""
    file, colon, key = text.rpartition(":")
    return (file, key) if colon and file.lower().endswith(".npz") else (text, None)


def names_file(text: str) -> bool:
    """Whether a text is `FILE.npy`, `FILE.npz` or `FILE.npz:KEY`, there or not."""
    return file_and_key(text)[0].lower().endswith((".npy", ".npz"))


def array_shapes(path: str | os.PathLike) -> dict[str, tuple[int, ...]]:
    """The keys of a `.npz` file with the shapes of their arrays, none of which is loaded.

    There are none in another file, or in a damaged one: whoever reads the arrays says so.
    """
    shapes = {}
    try:
        with zipfile.ZipFile(path) as arrays:
            for name in arrays.namelist():
                with arrays.open(name) as file:
                    version = np.lib.format.read_magic(file)
                    read = np.lib.format.read_array_header_1_0
                    read = read if version == (1, 0) else np.lib.format.read_array_header_2_0
                    shapes[name.removesuffix(".npy")] = read(file)[0]
    except (OSError, ValueError, zipfile.BadZipFile):
        return {}
    return shapes


def absence(path: Path) -> str:
    """The end of an error message: whether there is anything at a path."""
    return "" if path.exists() else ", which does not exist"


def _kind(path: Path) -> str | None:
    """`.npy` or `.npz` as the first bytes of a file say, or None."""
    with path.open("rb") as file:
        start = file.read(8)
    return next((kind for begin, kind in _BEGINNINGS.items() if start.startswith(begin)), None)
