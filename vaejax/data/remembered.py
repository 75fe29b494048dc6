"""The folder of what was worked out from files once, and small facts that are kept there."""

import hashlib
import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from vaejax.core.files import write_whole


def cache_folder() -> Path:
    """`$XDG_CACHE_HOME/vaejax/data` (`~/.cache/vaejax/data`); all in it may be deleted."""
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return root / "vaejax" / "data"


def stamp_of(path: str | os.PathLike) -> tuple[int, ...]:
    """Size, number and times of a file, one of which differs once the file has changed.

    No copying or unpacking sets the time of the last change back.
    """
    status = os.stat(path)
    return status.st_size, status.st_ino, status.st_mtime_ns, status.st_ctime_ns


def remembered(path: str | os.PathLike, what: object, find: Callable[[], Any]) -> Any:
    """What `find` found out about a file, without finding it again until the file changes.

    A file has changed if its stamp has, see `stamp_of`.

    Args:
        path: of the file.
        what: names the fact, with all it depends on besides the file; has a stable `repr`.
        find: returns the fact, as JSON holds it.
    """
    place = os.path.realpath(path)
    stamp = repr((place, stamp_of(place), what))
    digest = hashlib.sha256(repr((place, what)).encode()).hexdigest()[:16]
    record = cache_folder() / f"{os.path.basename(place)}-{digest}.json"
    try:
        kept = json.loads(record.read_text())
        if kept["stamp"] == stamp:
            return kept["found"]
    except (OSError, ValueError, KeyError, TypeError):  # none yet, or damaged
        pass
    found = find()
    with suppress(OSError):  # no room or no right to write: it is found again in the next run
        write_whole(record, json.dumps({"stamp": stamp, "found": found}))
    return found
