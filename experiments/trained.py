"""Finished members of a sweep, as models to look at."""

import json
from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import NamedTuple

import numpy as np

from vaejax.checkpoint import Checkpoints
from vaejax.run import Run, build, restored_state
from vaejax.sweep import Member
from vaejax.train_state import TrainState


class Trained(NamedTuple):
    """A finished member of a sweep, with its run and its final state."""

    member: Member
    run: Run
    state: TrainState


def trained(members: Iterable[Member]) -> Iterator[Trained]:
    """The models of all members that did not diverge."""
    for member in members:
        if not member.diverged:
            run = build(member.config)
            with closing(Checkpoints(member.workdir / "checkpoints")) as checkpoints:
                state = restored_state(run, checkpoints)
            yield Trained(member, run, state)


def history(member: Member, split: str) -> dict[str, np.ndarray]:
    """What a member logged of a split, by metric: a value per line, [T] or [T, D].

    A number that was not finite is NaN.
    """
    lines = map(json.loads, (member.workdir / "metrics.jsonl").read_text().splitlines())
    rows = [line for line in lines if line.pop("split") == split]
    return {name: np.array([row[name] for row in rows], float) for name in rows[0]}
