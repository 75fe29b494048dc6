"""Trains the members of a sweep by one of four strategies.

    vmap        members of a program side by side, every operation batched over them; shared out
                over all devices; on CPU as map
    map         members of a program in one call, each in turn; shared out likewise
    sequential  one member after another, with the program compiled once
    processes   as sequential, in a process per core

All leave the same files with the same numbers (to rounding), and each goes on where another was
stopped. `best_strategy` says which is the default, and what of that was measured.
"""

import os
from collections.abc import Callable, Sequence
from typing import Literal, get_args

from vaejax.core.platform import on_cpu
from vaejax.runs.config import ConfigError
from vaejax.runs.kept_config import check_same_run, has_other_evaluations
from vaejax.runs.stop_requests import stop_requests
from vaejax.runs.warning_lines import warnings_once
from vaejax.sweep.members import Member
from vaejax.sweep.packing import Group, unfinished_groups
from vaejax.sweep.processes import Job, train_in_processes
from vaejax.sweep.training import Trainer

Strategy = Literal["vmap", "map", "sequential", "processes"]
STRATEGIES = get_args(Strategy)


@warnings_once()
def train_members(
    members: Sequence[Member],
    *,
    strategy: Strategy | None = None,
    say: Callable[[str], None] = print,
) -> bool:
    """Train all members that are not finished, each from its latest checkpoint.

    What all of them warn of is said once.

    Args:
        members: as `make_members` makes them.
        strategy: how; None chooses by `best_strategy`.
        say: told of every member when it is trained.

    Returns:
        Whether all are finished: False if SIGINT or SIGTERM asked to stop. The same call then goes
        on from there.

    Raises:
        ConfigError: a configuration cannot be run, or a folder holds a run of another one or of
            more steps.
    """
    if strategy is not None and strategy not in STRATEGIES:
        raise ConfigError(f"strategy: expected one of {STRATEGIES}, got {strategy!r}")
    for member in members:
        if member.step or member.diverged:
            _check_folder(member, say)
    left = unfinished_groups(members)
    strategy = strategy or best_strategy(left)
    with stop_requests() as stop_requested:
        if strategy == "processes":
            jobs = [
                Job(number, group.program.names, member)
                for number, group in enumerate(left)
                for member in group.members
            ]
            train_in_processes(
                jobs,
                cores=_cores(),
                stop_requested=stop_requested,
                trained=lambda member: say(_told(member)),
            )
        else:
            for group in left:
                _train_here(group, strategy, stop_requested, say)
    return all(member.finished for member in members)


def _check_folder(member: Member, say: Callable[[str], None]) -> None:
    """Refuse a folder whose run is another one or has come further; tell of other evaluations."""
    check_same_run(member.workdir, member.config)
    if member.step > member.config.train.num_steps:
        raise ConfigError(
            f"config.train.num_steps: expected at least {member.step}, as {member.workdir} was "
            f"trained for, got {member.config.train.num_steps}"
        )
    if member.finished and has_other_evaluations(member.workdir, member.config):
        say(
            f"{member.workdir}: finished, with evaluations other than config.eval, which are not "
            "made anew; vaejax.main --mode=evaluate makes them, and they are read then"
        )


def _train_here(
    group: Group,
    strategy: Literal["sequential", "vmap", "map"],
    stop_requested: Callable[[], bool],
    say: Callable[[str], None],
) -> None:
    """Train a group in this process."""
    if strategy == "sequential":
        trainer, packs = Trainer(group.program, "map"), [[member] for member in group.members]
    else:
        trainer, packs = Trainer(group.program, strategy, say), [group.members]
    for pack in packs:
        if not stop_requested():
            trainer.train(pack, stop_requested)
            for member in pack:
                say(_told(member))


def best_strategy(groups: Sequence[Group]) -> Strategy:
    """The default strategy on this platform.

    On CPU a process per core was the fastest for every network that was measured, dense ones too
    (docs/results.md, "Speed of a sweep on CPU"). Accelerators were not measured: there vmap, as it
    makes large operations of many small ones.
    """
    if not on_cpu():
        return "vmap"
    several = sum(len(group.members) for group in groups) > 1 and len(_cores()) > 1
    return "processes" if several else "sequential"


def _cores() -> list[int]:
    """The cores that this process may use."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]


def _told(member: Member) -> str:
    """How far a member has come, in a line."""
    if member.diverged:
        return f"{member.workdir}: diverged"
    return f"{member.workdir}: step {member.step} of {member.config.train.num_steps}"
