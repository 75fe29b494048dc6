"""Lists the pictures of a folder: which files, in which split, in which order; and what is not.

A folder of pictures has been through operating systems, archives, notebooks and other people's
hands. What is a picture to read is decided here alone, and what is left out is said in one line.
"""

import os
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from vaejax.data.array_file import absence
from vaejax.data.folder_walk import SUFFIXES, FolderWalk, entries_of, is_folder

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


class Listing(NamedTuple):
    """The pictures of a split: the folder they are in, and the files in the order of their names.

    Attributes:
        folder: path of the folder.
        files: paths that begin with it.
    """

    folder: Path
    files: list[Path]


def pictures_below(root: Path) -> Listing:
    """All pictures below a folder, or one picture file; sub-folders are no splits here.

    Raises:
        ValueError: there is no folder, or one that may not be read; there are no pictures in it.
    """
    if root.is_file() and root.suffix.lower() in SUFFIXES:
        return Listing(root.parent, [root])
    _check_folder(root)
    walk, folders = FolderWalk({"": root}), {"": root}
    _check(walk, folders, root)
    return Listing(root, walk.files[""])


def pictures_by_split(root: Path) -> dict[str, Listing]:
    """The pictures below a folder by split, as far as its sub-folders have their names (`SPLITS`).

    Without such sub-folders all pictures are under one name, `""`. Links are followed; every real
    folder, and every file that a link leads to, is listed once. Hidden files and folders are no
    part of the folder. A warning says in one line what else is left out: pictures beside the
    splits, other formats, links that lead nowhere or to what is there already.

    Raises:
        ValueError: there is no folder, or one that may not be read; there are no pictures in a
            split; two folders stand for one split, or one for two; others are without `train`.
    """
    _check_folder(root)
    splits = _split_folders(root)
    walk = FolderWalk({**splits, "": root})
    folders = splits or {"": root}
    _check(walk, folders, root)
    deeper = [str(f.relative_to(root)) for f in walk.folders if f.name.lower() in SPLITS]
    if deeper and not splits:
        warnings.warn(
            f"path: in {root}, {', '.join(deeper[:3])} lie too deep to be splits; their pictures "
            "are mixed with the others",
            stacklevel=2,
        )
    return {split: Listing(folder, walk.files[split]) for split, folder in folders.items()}


def _check_folder(root: Path) -> None:
    if not root.is_dir():
        raise ValueError(
            f"path: expected a folder of {', '.join(SUFFIXES)} files, got {root}{absence(root)}"
        )


def _check(walk: FolderWalk, folders: Mapping[str, Path], root: Path) -> None:
    """Raise where there is nothing to read in a folder; warn of what is left out."""
    for split, folder in folders.items():
        if not walk.files[split]:
            others = _counted(walk.others[split])
            raise ValueError(
                f"path: expected a folder of {', '.join(SUFFIXES)} files, got {folder}"
                f"{f' with {others} only' if others else ' without'}"
            )
    if left_out := "; ".join(_left_out(walk, folders, root)):
        warnings.warn(f"path: left out of {root}: {left_out}", stacklevel=3)


def _split_folders(root: Path) -> dict[str, Path]:
    """The sub-folders that stand for splits, in the order of `SPLITS`."""
    found: dict[str, Path] = {}
    for entry in filter(is_folder, entries_of(root)):
        split, folder = SPLITS.get(entry.name.lower()), root / entry.name
        if not split:
            continue
        if split in found and not os.path.samefile(found[split], folder):
            raise ValueError(
                f"path: expected one folder for {split} in {root}, got {found[split].name} and "
                f"{folder.name}; put their pictures into one"
            )
        found.setdefault(split, folder)
    names = ", ".join(folder.name for folder in found.values())
    if found and "train" not in found:
        raise ValueError(f"path: expected a folder train beside {names} in {root}, got none")
    if len({os.path.realpath(folder) for folder in found.values()}) < len(found):
        raise ValueError(f"path: expected {names} in {root} to be different folders, got links")
    return {split: found[split] for split in dict.fromkeys(SPLITS.values()) if split in found}


def _left_out(walk: FolderWalk, folders: Mapping[str, Path], root: Path) -> Iterator[str]:
    """What is below `root` and not read, although it may be meant to be."""
    if others := _counted(sum((walk.others[split] for split in folders), Counter())):
        yield f"pictures in other formats than {', '.join(SUFFIXES)} ({others})"
    if walk.dead_links:
        yield f"links that lead nowhere ({walk.dead_links})"
    if walk.repeats:
        yield f"links to what is read already ({walk.repeats})"
    if beside := [] if "" in folders else walk.files[""]:
        names = ", ".join(folder.name for folder in folders.values())
        first = beside[0].relative_to(root)
        yield f"pictures beside {names} ({len(beside)}: {first}{', ...' if beside[1:] else ''})"


def _counted(suffixes: Counter) -> str:
    """ "12 .bmp, 3 .gif": how many files there are of each suffix."""
    return ", ".join(f"{number} {suffix}" for suffix, number in suffixes.most_common())
