"""Members in several processes, each pinned to a core.

A pinned process runs on one thread and shares nothing with its neighbours.
"""

import collections
import contextlib
import multiprocessing
import os
import signal
import traceback
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection, wait
from typing import Any, NamedTuple

import jax

from vaejax.host_memory import keep_freed_memory
from vaejax.sweep.members import Member
from vaejax.sweep.program import Program
from vaejax.sweep.training import Trainer

# A worker keeps its compiled programs where the process that started it does.
INHERITED = (
    "jax_compilation_cache_dir",
    "jax_persistent_cache_min_compile_time_secs",
    "jax_persistent_cache_min_entry_size_bytes",
    "jax_numpy_rank_promotion",
)
POLL_SECONDS = 0.5  # between looks at whether a stop was requested


class Job(NamedTuple):
    """A member to train.

    Attributes:
        group: number of its group: members of one group share a program.
        names: of the program's numbers.
        member: the member.
    """

    group: int
    names: tuple[str, ...]
    member: Member


def train_in_processes(
    jobs: Sequence[Job],
    *,
    cores: Sequence[int],
    stop_requested: Callable[[], bool],
    trained: Callable[[Member], None],
) -> None:
    """Train every job's member, as many at a time as there are cores.

    Args:
        jobs: in order, those of a group beside each other.
        cores: numbers of the cores to use.
        stop_requested: when it says so, the members under way are saved and the rest is left.
        trained: called with each member when its process is done with it.

    Raises:
        Exception: what a process met with, after the others have saved their members.
    """
    context = multiprocessing.get_context("spawn")
    settings = {name: getattr(jax.config, name) for name in INHERITED}
    waiting, busy, processes = collections.deque(jobs), {}, []
    failure, stopping = None, False
    for core in cores[: len(jobs)]:
        ours, theirs = context.Pipe()
        processes.append(context.Process(target=_work, args=(theirs, core, settings)))
        processes[-1].start()
        theirs.close()  # so that the pipe ends when the process does
        busy[ours] = waiting.popleft()
        ours.send(busy[ours])
    while busy:
        for connection in wait(list(busy), POLL_SECONDS):
            job = busy.pop(connection)
            try:
                error = connection.recv()
            except (EOFError, OSError):
                error = RuntimeError(f"the process that trained {job.member.workdir} has died")
            failure = failure or error
            if error is None:
                trained(job.member)
            if waiting and not (failure or stopping):
                busy[connection] = waiting.popleft()
                connection.send(busy[connection])
            else:
                connection.close()
        if not stopping and (failure or stop_requested()):
            stopping = True
            for connection in busy:
                with contextlib.suppress(OSError):  # it has died: the next look will tell
                    connection.send(None)
    for process in processes:
        process.join()
    if failure:
        raise failure


def _work(connection: Connection, core: int, settings: Mapping[str, Any]) -> None:
    """What a process does: train what comes through the pipe until it ends.

    Anything that comes while a member is trained means to stop, and so does the end of the process
    at the other end; signals of the terminal are for that process alone.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    if hasattr(os, "sched_setaffinity"):  # Linux
        os.sched_setaffinity(0, {core})
    keep_freed_memory()
    for name, value in settings.items():
        jax.config.update(name, value)
    group, trainer = None, None
    with contextlib.suppress(EOFError, OSError):  # the process at the other end has died
        while (job := connection.recv()) is not None:
            error = None
            try:
                if job.group != group:
                    program = Program(job.member.config, job.names)
                    group, trainer = job.group, Trainer(program, "map")
                trainer.train([job.member], connection.poll)
            except Exception as exception:
                exception.add_note(traceback.format_exc())
                error = exception
            connection.send(error)
