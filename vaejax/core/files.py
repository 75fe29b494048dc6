"""Files that are there whole or not at all, whenever the program that writes them is killed."""

import os
from pathlib import Path

UNFINISHED = ".unfinished"  # how the name of a file ends while it is written


def write_whole(path: str | os.PathLike[str], content: bytes | str) -> None:
    """Write a file beside its place and rename it: a kill leaves what was there, or the new file.

    A file that has these contents already is left alone.

    Args:
        path: of the file; its folder is made if missing.
        content: bytes, or text as UTF-8.
    """
    path = Path(path)
    content = content.encode() if isinstance(content, str) else content
    if path.is_file() and path.stat().st_size == len(content) and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}{UNFINISHED}")
    try:
        with unfinished.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # else a power cut may leave the new name with no contents
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def remove_unfinished(folder: Path) -> None:
    """Remove what killed writes have left in a folder and in the folders there, two deep."""
    for inside in ("", "*/", "*/*/"):
        for leftover in folder.glob(f"{inside}.*{UNFINISHED}"):
            leftover.unlink(missing_ok=True)
