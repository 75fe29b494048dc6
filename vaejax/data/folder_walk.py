"""Finds the pictures below folders, by name alone: none is opened."""

import os
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from pathlib import Path

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
# fmt: off
OTHER_SUFFIXES = (
    ".apng", ".arw", ".avif", ".cr2", ".cr3", ".dcm", ".dds", ".dib", ".dng", ".eps", ".exr",
    ".hdr", ".heic", ".heif", ".hif", ".ico", ".j2k", ".jfif", ".jif", ".jp2", ".jpe", ".jxl",
    ".mpo", ".nef", ".orf", ".pbm", ".pcx", ".pfm", ".pgm", ".pjpeg", ".pnm", ".ppm", ".psd",
    ".qoi", ".raf", ".raw", ".rw2", ".sgi", ".svg", ".tga", ".wmf", ".xbm", ".xcf", ".xpm",
)
# fmt: on
"""Names of pictures too, in formats that are not read."""

# Beside names that begin with a dot: what macOS, Synology, Windows and ext4 keep there.
HIDDEN = ("__macosx", "@eadir", "$recycle.bin", "system volume information", "lost+found")


def is_hidden(name: str) -> bool:
    """Whether a file or folder of that name is not for people: `._x.png`, `.Trash-1000`, ..."""
    return name.startswith(".") or name.lower() in HIDDEN


class FolderWalk:
    """One walk through folders and what they link to; what is really in a folder comes first.

    Every real folder is walked through once, and every file that a link leads to is listed once.

    Attributes:
        files: by root, the pictures in the order of their names.
        others: by root, numbers of pictures in other formats, by suffix.
        folders: those walked through, but for the roots.
        dead_links: number of links that lead nowhere.
        repeats: number of links to what is found elsewhere.

    Args:
        roots: folders to begin in, by name; one may lie in another that comes later.

    Raises:
        ValueError: a folder may not be read.
    """

    def __init__(self, roots: Mapping[str, Path]):
        self.files: dict[str, list[Path]] = {name: [] for name in roots}
        self.others: dict[str, Counter[str]] = {name: Counter() for name in roots}
        self.folders: list[Path] = []
        self.dead_links = self.repeats = 0
        links: list[tuple[str, Path]] = []
        seen: set[str] = set()
        for root, folder, place, entries in self._walk(roots):
            for entry in entries:
                suffix = os.path.splitext(entry.name)[1].lower()
                if entry.is_symlink() and not (is_folder(entry) or _is_file(entry)):
                    self.dead_links += 1
                elif suffix not in SUFFIXES + OTHER_SUFFIXES or not _is_file(entry):
                    continue
                elif suffix in OTHER_SUFFIXES:
                    self.others[root][suffix] += 1
                elif entry.is_symlink():
                    links.append((root, folder / entry.name))
                else:
                    self.files[root].append(folder / entry.name)
                    seen.add(os.path.join(place, entry.name))
        for root, files in self.files.items():
            for path in sorted(path for name, path in links if name == root):
                place = os.path.realpath(path)
                if place in seen:
                    self.repeats += 1
                else:
                    files.append(path)
                    seen.add(place)
            files.sort()

    def _walk(
        self, roots: Mapping[str, Path]
    ) -> Iterator[tuple[str, Path, str, list[os.DirEntry[str]]]]:
        """Every real folder once: its root, its path, where it really is, and what is in it."""
        waiting = deque(roots.items())
        links: deque[tuple[str, Path]] = deque()
        seen: set[str] = set()
        while waiting or links:
            linked = not waiting
            root, folder = (waiting or links).popleft()
            place = os.path.realpath(folder)
            if place in seen:
                self.repeats += linked and folder not in roots.values()
                continue
            seen.add(place)
            if folder != roots[root]:
                self.folders.append(folder)
            entries = entries_of(folder)
            for entry in filter(is_folder, entries):
                (links if entry.is_symlink() else waiting).append((root, folder / entry.name))
            yield root, folder, place, entries


def entries_of(folder: Path) -> list[os.DirEntry[str]]:
    """What is in a folder and not hidden, in the order of the names."""
    try:
        with os.scandir(folder) as entries:
            return sorted((e for e in entries if not is_hidden(e.name)), key=lambda e: e.name)
    except OSError as error:
        raise ValueError(f"path: expected a folder that can be read, got {error}") from error


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a folder or a link to one."""
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:
        return False
