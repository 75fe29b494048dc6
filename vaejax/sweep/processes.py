"""Members in several processes, each pinned to a core.

A pinned process runs on one thread and shares nothing with its neighbours.
"""

import contextlib
import multiprocessing
import os
import pickle
import signal
import threading
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from multiprocessing.connection import Connection, wait
from typing import Any, NamedTuple, cast

import jax

from vaejax.runs.host_memory import keep_freed_memory
from vaejax.runs.warning_lines import warnings_told
from vaejax.sweep.members import Member
from vaejax.sweep.program import Program
from vaejax.sweep.training import Trainer

# A worker keeps its compiled programs where the process that started it does, and computes alike.
INHERITED = (
    "jax_compilation_cache_dir",
    "jax_persistent_cache_min_compile_time_secs",
    "jax_persistent_cache_min_entry_size_bytes",
    "jax_numpy_rank_promotion",
    "jax_default_matmul_precision",
    "jax_default_prng_impl",
    "jax_enable_x64",
    "jax_platforms",
    "jax_threefry_partitionable",
)
SIGNALS = (signal.SIGINT, signal.SIGTERM)
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
        jobs: in the order in which a single process would train them.
        cores: numbers of the cores to use.
        stop_requested: when it says so, the members under way are saved and the rest is left.
        trained: called with each member when its process is done with it.

    Raises:
        Exception: what a process met with, after the others have saved their members.
    """
    context = multiprocessing.get_context("spawn")
    settings = {name: getattr(jax.config, name) for name in INHERITED}
    waiting, processes = list(jobs), []
    busy: dict[Connection, Job] = {}
    failure, stopping = None, False
    try:
        for core in cores[: len(jobs)]:
            ours, theirs = context.Pipe()
            processes.append(context.Process(target=_work, args=(theirs, core, settings)))
            with _signals_held_back():
                processes[-1].start()
            theirs.close()  # so that the pipe ends when the process does
            busy[ours] = _next_job(waiting, busy.values())
            ours.send(busy[ours])
        while busy:
            for connection in cast(list[Connection], wait(list(busy), POLL_SECONDS)):
                job, error = busy[connection], _answer(connection, busy[connection])
                if isinstance(error, str):
                    warnings.warn(error, stacklevel=3)
                    continue
                failure = failure or error
                if error is None:
                    trained(job.member)
                if waiting and not (failure or stopping):
                    others = [other for pipe, other in busy.items() if pipe is not connection]
                    busy[connection] = _next_job(waiting, others, after=job)
                    connection.send(busy[connection])
                else:
                    del busy[connection]
                    connection.close()
            if not stopping and (failure or stop_requested()):
                stopping = True
                for connection in busy:
                    with contextlib.suppress(OSError):  # it has died: the next look will tell
                        connection.send(None)
    finally:  # whatever happened: a process whose pipe ends saves its member and ends too
        for connection in busy:
            connection.close()
        for process in processes:
            process.join()
    if failure:
        raise failure


def _next_job(waiting: list[Job], others: Iterable[Job], after: Job | None = None) -> Job:
    """Take a job out: of the program that a process has, or else of one that no other process has.

    So every program is compiled once, as long as there are as many as processes.
    """
    compiled = after.group if after else None
    taken = {job.group for job in others}

    def cost(number: int) -> tuple[bool, bool, int]:
        group = waiting[number].group
        return group != compiled, group in taken, number

    return waiting.pop(min(range(len(waiting)), key=cost))


def _answer(connection: Connection, job: Job) -> Exception | str | None:
    """What a process says of its job: a warning, or at its end None, or what it met with."""
    try:
        return connection.recv()
    except (EOFError, OSError):
        return RuntimeError(f"the process that trained {job.member.workdir} has died")


@contextlib.contextmanager
def _signals_held_back() -> Iterator[None]:
    """SIGINT and SIGTERM come afterwards; a process started within never gets them.

    A terminal sends its signals to all of them, also to one that has just begun to import.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(connection: Connection, core: int, settings: Mapping[str, Any]) -> None:
    """What a process does: train what comes through the pipe until it ends.

    Anything that comes while a member is trained means to stop, and so does the end of the process
    at the other end; signals of the terminal are for that process alone.
    """
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    if hasattr(os, "sched_setaffinity"):  # Linux
        os.sched_setaffinity(0, {core})
    keep_freed_memory()
    for name, value in settings.items():
        jax.config.update(name, value)
    group, trainer = None, None
    sending = threading.Lock()  # data are read, and warned of, by threads

    def warn(text: str) -> None:
        with sending, contextlib.suppress(OSError):  # then the member is saved all the same
            connection.send(text)

    with warnings_told(warn), contextlib.suppress(EOFError, OSError):  # the other end has died
        while (job := connection.recv()) is not None:
            error = None
            try:
                if trainer is None or job.group != group:
                    program = Program(job.member.config, job.names)
                    group, trainer = job.group, Trainer(program, "map")
                trainer.train([job.member], connection.poll)
            except Exception as exception:
                error = _sendable(exception)
            with sending:
                connection.send(error)


def _sendable(error: Exception) -> Exception:
    """The error with its traceback as a note, or one of its text if it does not survive a pipe."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # among them all errors of tracing
        error = RuntimeError(f"{type(error).__name__}: {error}")
    error.add_note(traceback.format_exc())
    return error
