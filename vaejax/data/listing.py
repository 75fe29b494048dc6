"""Lists the pictures of a folder: which files, in which split, in which order; and what is not.

A folder of pictures has been through operating systems, archives, notebooks and other people's
hands. What is a picture to read is decided here alone, and what is left out is said in one line.
"""

import os
import warnings
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from vaejax.data.array_file import absence

SUFFIXES = (".jpeg", ".jpg", ".png", ".webp")
# fmt: off
OTHER_SUFFIXES = (
    ".apng", ".arw", ".avif", ".bmp", ".cr2", ".cr3", ".dcm", ".dds", ".dib", ".dng", ".eps",
    ".exr", ".gif", ".hdr", ".heic", ".heif", ".hif", ".ico", ".j2k", ".jfif", ".jif", ".jp2",
    ".jpe", ".jxl", ".mpo", ".nef", ".orf", ".pbm", ".pcx", ".pfm", ".pgm", ".pjpeg", ".pnm",
    ".ppm", ".psd", ".qoi", ".raf", ".raw", ".rw2", ".sgi", ".svg", ".tga", ".tif", ".tiff",
    ".wmf", ".xbm", ".xcf", ".xpm",
)
# fmt: on
"""Names of pictures too, in formats that are not read."""

SPLITS = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}
"""The split that a sub-folder of such a name, in any case, stands for."""

# Beside names that begin with a dot: what macOS, Synology, Windows and ext4 keep there.
HIDDEN = ("__macosx", "@eadir", "$recycle.bin", "system volume information", "lost+found")


class Listing(NamedTuple):
    """The pictures of a split: the folder they are in, and the files in the order of their names.

    Attributes:
        folder: path of the folder.
        files: paths that begin with it.
    """

    folder: Path
    files: list[Path]


def is_hidden(name: str) -> bool:
    """Whether a file or folder of that name is not for people: `._x.png`, `.Trash-1000`, ..."""
    return name.startswith(".") or name.lower() in HIDDEN


def pictures_by_split(root: Path) -> dict[str, Listing]:
    """The pictures below a folder by split, as far as its sub-folders have their names (`SPLITS`).

    Without such sub-folders all pictures are under one name, `""`. Links are followed; every real
    folder, and every file that a link leads to, is listed once. Hidden files and folders are no
    part of the folder. A warning says in one line what else is left out: pictures beside the
    splits, other formats, links that lead nowhere or to what is there already.

    Raises:
        ValueError: there is no folder, or one that may not be read; there are no pictures in a
            split; two folders stand for one split; other splits are without `train`.
    """
    folders = _split_folders(root) or {"": root}
    walk = _Walk(folders if "" in folders else {**folders, "": root})  # "": what is beside them
    for split, folder in folders.items():
        if not walk.files[split]:
            others = _counted(walk.others[split])
            raise ValueError(
                f"path: expected a folder of {', '.join(SUFFIXES)} files, got {folder}"
                f"{absence(folder)}{f' with {others} only' if others else ''}"
            )
    left_out = list(walk.left_out(folders))
    if left_out:
        warnings.warn(f"path: left out of {root}: {'; '.join(left_out)}", stacklevel=2)
    if walk.deeper:
        warnings.warn(
            f"path: {', '.join(map(str, walk.deeper[:3]))} lie too deep in {root} to be splits, "
            "their pictures are mixed with the others",
            stacklevel=2,
        )
    return {split: Listing(folder, walk.files[split]) for split, folder in folders.items()}


def _split_folders(root: Path) -> dict[str, Path]:
    """The sub-folders that stand for splits, in the order of `SPLITS`."""
    found: dict[str, Path] = {}
    for entry in _entries(root) if root.is_dir() else ():
        split = SPLITS.get(entry.name.lower())
        if split and _is_folder(entry):
            if split in found and not os.path.samefile(found[split], entry.path):
                raise ValueError(
                    f"path: expected one folder for {split}, got {found[split].name} and "
                    f"{entry.name} in {root}; put their pictures into one"
                )
            found.setdefault(split, root / entry.name)
    if found and "train" not in found:
        names = ", ".join(folder.name for folder in found.values())
        raise ValueError(f"path: expected a folder train beside {names}, got none in {root}")
    return {split: found[split] for split in dict.fromkeys(SPLITS.values()) if split in found}


class _Walk:
    """One walk through folders and what they link to; what is really in a folder comes first.

    Attributes:
        files: by split, the pictures in the order of their names.
        others: by split, numbers of pictures in other formats.
        deeper: folders called like splits where none are at the top.
    """

    def __init__(self, roots: Mapping[str, Path]):
        """Walks through `roots`, by split the folder to begin in; `""` is what is beside them."""
        self._roots = roots
        self.files: dict[str, list[Path]] = {split: [] for split in roots}
        self.others = {split: Counter() for split in roots}
        self.deeper: list[Path] = []
        self._dead_links = self._repeats = 0
        links: list[tuple[str, Path]] = []
        seen: set[str] = set()
        for split, folder, place, entries in self._folders():
            for entry in entries:
                suffix = os.path.splitext(entry.name)[1].lower()
                if suffix not in SUFFIXES:
                    self.others[split][suffix] += suffix in OTHER_SUFFIXES and _is_file(entry)
                elif not _is_file(entry):
                    self._dead_links += entry.is_symlink() and not _is_folder(entry)
                elif entry.is_symlink():
                    links.append((split, folder / entry.name))
                else:
                    self.files[split].append(folder / entry.name)
                    seen.add(os.path.join(place, entry.name))
        for split in roots:
            for path in sorted(path for name, path in links if name == split):
                place = os.path.realpath(path)
                self._repeats += place in seen
                if place not in seen:
                    self.files[split].append(path)
                seen.add(place)
            self.files[split].sort()

    def left_out(self, splits: Mapping[str, Path]) -> Iterator[str]:
        """What is there and in none of these splits."""
        if others := _counted(sum((self.others[split] for split in splits), Counter())):
            yield f"pictures in other formats than {', '.join(SUFFIXES)} ({others})"
        if self._dead_links:
            yield f"links that lead nowhere ({self._dead_links})"
        if self._repeats:
            yield f"links to what is read already ({self._repeats})"
        if beside := [] if "" in splits else self.files[""]:
            names = ", ".join(folder.name for folder in splits.values())
            some = beside[0].relative_to(self._roots[""])
            yield f"pictures beside {names} ({len(beside)}: {some}{', ...' if beside[1:] else ''})"

    def _folders(self) -> Iterator[tuple[str, Path, str, list[os.DirEntry[str]]]]:
        """Every real folder once: its split, its path, where it really is, and what is in it."""
        waiting = deque((split, root) for split, root in self._roots.items() if root.is_dir())
        links: deque[tuple[str, Path]] = deque()
        seen: set[str] = set()
        while waiting or links:
            linked = not waiting
            split, folder = (waiting or links).popleft()
            place = os.path.realpath(folder)
            if place in seen:
                self._repeats += linked
                continue
            seen.add(place)
            entries = _entries(folder)
            for entry in filter(_is_folder, entries):
                (links if entry.is_symlink() else waiting).append((split, folder / entry.name))
                if len(self._roots) == 1 and entry.name.lower() in SPLITS:
                    self.deeper.append((folder / entry.name).relative_to(self._roots[""]))
            yield split, folder, place, entries


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """What is in a folder and not hidden."""
    try:
        with os.scandir(folder) as entries:
            return sorted((e for e in entries if not is_hidden(e.name)), key=lambda e: e.name)
    except OSError as error:
        raise ValueError(f"path: expected a folder that can be read, got {error}") from error


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:
        return False


def _counted(suffixes: Counter) -> str:
    """ "12 .bmp, 3 .gif": how many files there are of each suffix."""
    return ", ".join(f"{number} {suffix}" for suffix, number in suffixes.most_common() if number)
