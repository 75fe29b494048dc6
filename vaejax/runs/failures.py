"""What may fail without ending a run: a score, a picture."""

import os
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import jax

ERRORS_FILE = "errors.txt"  # in the folder of a run


class FailedEvaluation(RuntimeError):
    """Scores that were asked for and could not be had."""


@contextmanager
def survived(
    what: str,
    workdir: Path,
    say: Callable[[str], None],
    *,
    unless: tuple[type[Exception], ...] = (),
) -> Iterator[None]:
    """Within this context an error is told in one line, kept with its traceback, and that is all.

    Args:
        what: is done, "step 8, samples".
        workdir: of the run, where `errors.txt` receives the traceback.
        say: told the line.
        unless: errors of these types pass through.
    """
    try:
        yield
    except unless:
        raise
    except Exception as error:
        reason = (str(error).splitlines() or [""])[0]
        say(f"{what}: {type(error).__name__}: {reason}; traceback in {workdir / ERRORS_FILE}")
        if jax.process_index() == 0:
            path = workdir / ERRORS_FILE
            with suppress(OSError), open(path, "a", opener=_not_through_a_link) as file:
                file.write(f"{what}\n{traceback.format_exc()}\n")


def _not_through_a_link(path: str, flags: int) -> int:
    """A folder that somebody sent must not be a way to write into files elsewhere."""
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)
