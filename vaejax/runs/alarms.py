"""XLA's alarms kept from the terminal: that something is slow to compile is no mistake.

XLA logs them as errors, so no level of logging hides them alone. While they are hidden, what is
written in C++ to the standard error goes through a small program, this file, that leaves them out
and passes on all else, also the last words of a process that dies.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

_ALARM = re.compile(rb"slow_operation_alarm\.cc:\d+\]")
_LAST = b"attach the results."  # how the text of an alarm ends, but for a line of stars


@contextmanager
def alarms_hidden() -> Iterator[None]:
    """Within this context alarms are not seen; `TF_CPP_MIN_LOG_LEVEL=0` shows them."""
    try:
        original = os.dup(2)
    except OSError:  # there is no standard error
        original = None
    if original is None or os.environ.get("TF_CPP_MIN_LOG_LEVEL") == "0":
        yield
        return
    python = sys.stderr  # Python itself writes where it did: a progress bar needs a terminal
    with suppress(OSError, ValueError, AttributeError):
        if python.fileno() == 2:
            python.flush()
            sys.stderr = open(os.dup(original), "w", buffering=1)  # noqa: SIM115
    filtering = subprocess.Popen(  # in a session of its own, where no Ctrl-C ends it first
        [sys.executable, "-I", "-S", __file__],
        stdin=subprocess.PIPE,
        stderr=original,
        start_new_session=True,
    )
    assert filtering.stdin is not None
    os.dup2(filtering.stdin.fileno(), 2)
    filtering.stdin.close()
    try:
        yield
    finally:
        if sys.stderr is not python:
            sys.stderr.close()
            sys.stderr = python
        os.dup2(original, 2)  # with which the last writing end is closed
        os.close(original)
        with suppress(subprocess.TimeoutExpired):  # unless a process that was started here lives
            filtering.wait(timeout=2.0)


def without_alarms(lines: Iterable[bytes]) -> Iterator[bytes]:
    """The lines that belong to no alarm."""
    within = ended = False
    for line in lines:
        if _ALARM.search(line):
            within, ended = True, False
        elif ended:
            within = ended = False
            if line.strip(b"*\r\n") == b"" and line.startswith(b"*"):
                continue
        if not within:
            yield line
        ended = within and line.rstrip().endswith(_LAST)


if __name__ == "__main__":
    for line in without_alarms(sys.stdin.buffer):
        os.write(2, line)
