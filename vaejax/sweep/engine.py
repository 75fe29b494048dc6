"""Trains the members of a sweep by the strategy that is fastest here.

    vmap        members of a program side by side, every operation batched over them; shared out
                over all devices
    map         members of a program in one call, each in turn; shared out likewise
    sequential  one member after another, with the program compiled once
    processes   as sequential, in a process per core

All leave the same files with the same numbers (to rounding), and each goes on where another was
stopped. Which is the default where was measured, see `best_strategy`.
"""

import os
from collections.abc import Callable, Sequence
from typing import Literal, get_args

import jax

from vaejax.config import ConfigError
from vaejax.run import abstract_state
from vaejax.sweep.members import Member
from vaejax.sweep.packing import Group, groups
from vaejax.sweep.processes import Job, train_in_processes
from vaejax.sweep.training import Trainer
from vaejax.train import CONFIG_FILE, check_same_run, stop_requests

Strategy = Literal["vmap", "map", "sequential", "processes"]


def train_members(
    members: Sequence[Member],
    *,
    strategy: Strategy | None = None,
    say: Callable[[str], None] = print,
) -> bool:
    """Train all members that are not finished, each from its latest checkpoint.

    Args:
        members: as `make_members` makes them.
        strategy: how; None chooses by `best_strategy`.
        say: told of every member when it is trained.

    Returns:
        Whether all are finished: False if SIGINT or SIGTERM asked to stop. The same call then goes
        on from there.

    Raises:
        ConfigError: a configuration cannot be run, or a folder holds a run of another one.
    """
    if strategy is not None and strategy not in get_args(Strategy):
        raise ConfigError(f"strategy: expected one of {get_args(Strategy)}, got {strategy!r}")
    for member in members:
        if member.step and (member.workdir / CONFIG_FILE).exists():
            check_same_run(member.workdir, member.config)
    left = [group for group in groups(members) if not all(m.finished for m in group.members)]
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]

    def trained(member: Member) -> None:
        ...

    with stop_requests() as stop_requested:
        ...
