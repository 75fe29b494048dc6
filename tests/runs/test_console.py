"""How long a run still takes, told from what is done again and again."""

from types import SimpleNamespace

import pytest

from vaejax.runs import console
from vaejax.runs.console import Console, Pace, compiling


@pytest.fixture
def clock(monkeypatch):
    """A clock that is turned by hand: a list with the time in it."""
    now = [0.0]
    monkeypatch.setattr(console.time, "perf_counter", lambda: now[0])
    return now


def test_after_the_first_step_nothing_is_foretold_and_then_only_steps_count(clock):
    """A run of 800 steps once said ten hours after the first, which had been compiled."""
    pace = Pace()
    clock[0] = 45.0
    pace.step()
    assert pace.remaining(799) == "?"
    clock[0] = 45.5
    pace.step()
    assert pace.remaining(798) == "06:39"
    assert pace.remaining(0) == "00:00"


def test_the_longest_pause_does_not_count_and_those_that_come_again_do(clock):
    pace = Pace()
    for step in range(1, 31):
        clock[0] += 1.0
        if step in (10, 20):  # after which evaluations are first compiled, then run again
            pace.pause()
            clock[0] += {10: 100.0, 20: 10.0}[step]
        pace.step()
    # 29 steps of a second, one with the pause of 10 seconds, one left out with its 101.
    assert pace.remaining(28) == console.tqdm.tqdm.format_interval(28 + 10)


def test_early_pauses_do_not_halve_what_is_foretold(clock):
    """Of two steps, one with first pictures, the other was counted twice."""
    pace = Pace()
    for pause in (0.0, 60.0, 0.0):
        if pause:
            pace.pause()
        clock[0] += 2.0 + pause
        pace.step()
    assert pace.remaining(30) == "01:00"


def test_lines_say_when_it_ends(clock, capsys):
    lines = Console(800, 0, {})
    for step in (1, 2):
        clock[0] += 30.0 if step == 1 else 0.5
        lines.advance()
        lines.metrics(step, "train", {"loss": 1.0}, None)
    lines.doing("step 2, evaluating test/bound")
    lines.close()
    assert capsys.readouterr().out.splitlines() == [
        "step 1/800, ETA ?, loss 1",
        "step 2/800, ETA 06:39, loss 1",
        "step 2, evaluating test/bound",
    ]


def test_compiling_is_said_to_happen_once_where_it_is_kept(monkeypatch):
    config = SimpleNamespace(jax_compilation_cache_dir="/kept")
    monkeypatch.setattr(console, "jax", SimpleNamespace(config=config))
    once = "compiling the step (once per machine: what is compiled is kept in /kept)"
    assert compiling("the step", first=True) == once
    assert compiling("the step", first=False) == "compiling the step"
