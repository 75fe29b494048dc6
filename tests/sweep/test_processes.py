"""How processes share out the members of a sweep, and what comes of them through pipes."""

import contextlib
import multiprocessing
import os
import pickle
import threading
import warnings
from types import SimpleNamespace

import jax
import pytest

from vaejax.runs.warning_lines import warnings_once
from vaejax.sweep import processes
from vaejax.sweep.processes import Job, _next_job, _sendable


def test_processes_keep_their_program_and_share_out_the_others():
    waiting = [Job(group, (), member) for member, group in enumerate([0, 0, 0, 1, 1])]
    first = _next_job(waiting, [])
    second = _next_job(waiting, [first])
    assert (first.member, second.member) == (0, 3)
    assert _next_job(waiting, [first], after=second).member == 4
    assert _next_job(waiting, [first], after=second).member == 1  # no other program is left
    assert _next_job(waiting, [second], after=first).member == 2 and not waiting


def test_what_several_processes_warn_of_is_said_once_in_this_one(monkeypatch):
    """Threads stand for the processes."""

    def work(connection):
        with contextlib.suppress(EOFError):
            while job := connection.recv():
                for sent in ("600 points", f"member {job.member}", None):
                    connection.send(sent)

    def process(target, args):
        own = type(args[0])(os.dup(args[0].fileno()))  # each side closes its end
        return threading.Thread(target=work, args=(own,))

    context = SimpleNamespace(Pipe=multiprocessing.Pipe, Process=process)
    monkeypatch.setattr(multiprocessing, "get_context", lambda method: context)
    trained = []
    with pytest.warns(UserWarning) as told, warnings_once():
        processes.train_in_processes(
            [Job(0, (), number) for number in range(3)],
            cores=[0, 1],
            stop_requested=lambda: False,
            trained=trained.append,
        )
    assert sorted(trained) == [0, 1, 2]
    said = sorted(str(warning.message) for warning in told)
    assert said == ["600 points", "member 0", "member 1", "member 2"]


def test_a_process_sends_its_warnings_and_then_that_it_is_done(monkeypatch):
    class Warns:
        def __init__(self, program, how):
            pass

        def train(self, members, stop_requested):
            warnings.warn("600 points", stacklevel=1)

    for name, fake in (("Trainer", Warns), ("Program", lambda *args: None)):
        monkeypatch.setattr(processes, name, fake)
    monkeypatch.setattr(processes, "keep_freed_memory", lambda: None)
    monkeypatch.setattr(processes.signal, "signal", lambda *args: None)
    monkeypatch.setattr(processes.os, "sched_setaffinity", lambda *args: None, raising=False)
    ours, theirs = multiprocessing.Pipe()
    for sent in (Job(0, (), SimpleNamespace(config=None)), None):
        ours.send(sent)
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        processes._work(theirs, 0, {})
    assert [ours.recv(), ours.recv()] == ["600 points", None]


def test_errors_come_through_a_pipe():
    """Those of tracing do not survive pickling."""

    def choose(x):
        return 1 if x else 0

    for error_type, fail in ((TypeError, lambda: jax.jit(choose)(1.0)), (KeyError, {}.popitem)):
        with pytest.raises(error_type) as caught:
            fail()
        sent = pickle.loads(pickle.dumps(_sendable(caught.value)))
        assert str(caught.value) in str(sent) and sent.__notes__
    assert type(sent) is KeyError
