"""One process at a time trains in a folder.

Two would each write half of its log, and delete the checkpoints that the other is about to read.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jax

from vaejax.runs.config import ConfigError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


@contextmanager
def occupied(workdir: Path) -> Iterator[None]:
    """Around training in a folder that is there: no other process trains in it meanwhile.

    The lock is the system's and ends with the process, however that ends. Where folders cannot be
    locked (Windows, some file systems of networks) nothing is found out.

    Raises:
        ConfigError: another process trains there.
    """
    if fcntl is None or jax.process_index() != 0:
        yield
        return
    folder = os.open(workdir, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(
                f"--workdir: expected a folder in which no other process trains, got {workdir}"
            ) from None
        except OSError:
            pass  # a file system without locks
        yield
    finally:
        os.close(folder)
