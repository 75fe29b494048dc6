"""A sweep of which no model trains."""

from collections.abc import Sequence

from vaejax.sweep.members import DIVERGED_FILE, Member


def diverge(members: Sequence[Member], strategy: str | None) -> bool:
    """In the place of `train_members`: every member has diverged before its first step."""
    del strategy
    for member in members:
        member.workdir.mkdir(parents=True)
        (member.workdir / DIVERGED_FILE).write_text("{}")
    return True
