"""Warnings as a user of a command is to see them: a line each, and each once."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any


@contextmanager
def warnings_in_a_line() -> Iterator[None]:
    """Within this context a warning is printed without the place in the code that gives it."""
    before = warnings.formatwarning
    warnings.formatwarning = lambda message, *_, **__: f"warning: {message}\n"
    try:
        yield
    finally:
        warnings.formatwarning = before


@contextmanager
def warnings_once() -> Iterator[None]:
    """Within this context a warning that was given already is not given again.

    Python's own rule does not reach so far: it begins anew wherever filters are changed for a
    while, and knows nothing of other processes.
    """
    show, seen = warnings.showwarning, set[str]()

    def show_new(message: Warning | str, *where: Any, **how: Any) -> None:
        if str(message) not in seen:
            seen.add(str(message))
            show(message, *where, **how)

    with _shown_by(show_new):
        yield


def warnings_told(say: Callable[[str], None]) -> AbstractContextManager[None]:
    """A context whose warnings are told and not printed."""
    return _shown_by(lambda message, *_, **__: say(str(message)))


@contextmanager
def _shown_by(show: Callable[..., None]) -> Iterator[None]:
    before = warnings.showwarning
    warnings.showwarning = show
    try:
        yield
    finally:
        warnings.showwarning = before
