import contextlib
import glob
import importlib.util
import json
import os
import pty
import sys
import termios

import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest

from vaejax.runs.log import RunLog
from vaejax.runs.metric_text import describe

UNITS = {"elbo": "nats/image", "kl": "nats/image"}


@pytest.fixture
def open_log(tmp_path):
    """Opens logs in one directory, as a run and the run that resumes it would."""
    opened = []

    def open_(step: int = 0, sinks: str = "") -> RunLog:
        units = {"train": UNITS, "validation": UNITS}
        opened.append(RunLog(tmp_path, num_steps=100, step=step, units=units, sinks=sinks))
        return opened[-1]

    yield open_
    for log in opened:
        log.close()


def run(log: RunLog, first: int, last: int):
    """Log steps `first` to `last` of a run whose numbers depend on the step alone."""
    for step in range(first, last + 1):
        log.advance(64)
        log.metrics(step, "train", {"elbo": jnp.float32(-1 / step), "kl_dims/0": jnp.arange(3) / 7})
        if step % 5 == 0:
            log.metrics(step, "validation", {"elbo": np.float32(-2 / step)})


def lines(tmp_path) -> list[dict]:
    return [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]


def test_describe():
    metrics = {
        "beta": 4,
        "elbo": jnp.float32(-62.123),
        "elbo_bpd": 0.021937,
        "kl": jnp.float32(20061.7),
        "kl/0": 1.0,
        "kl_dims/0": np.ones(3),
        "loss": np.nan,
    }
    text = "beta 4, loss nan, elbo -62.12, kl 20,062 nats/image, elbo_bpd 0.02194 bits/dim"
    assert describe(metrics, UNITS) == text
    assert describe(metrics, UNITS, ("kl", "mig", "beta")) == "kl 20,062 nats/image, beta 4"
    assert describe({"fid": 3.0, "elbo": 1.0}, {}) == "fid 3, elbo 1"
    known = {"elbo": -62.1, "elbo_low": -63.0, "elbo_high": np.float32(-61.2)}
    assert describe(known, UNITS) == "elbo -62.1 [-63, -61.2] nats/image"
    assert describe({**known, "elbo_low": np.nan}, UNITS) == "elbo -62.1 nats/image"


def test_a_line_is_one_json_object(open_log, tmp_path):
    open_log().metrics(
        3,
        "train",
        {
            "elbo": jnp.float32(-0.1),
            "scale": jnp.bfloat16(0.1),
            "count": jnp.int32(7),
            "ratio": 1 / 3,
            "kl_dims/0": jnp.array([0.1, jnp.nan, 0.0]),
            "loss": jnp.inf,
        },
    )
    assert lines(tmp_path) == [
        {
            "step": 3,
            "split": "train",
            "elbo": -0.1,
            "scale": 0.100098,
            "count": 7,
            "ratio": 1 / 3,
            "kl_dims/0": [0.1, None, 0.0],
            "loss": None,
        }
    ]


@pytest.mark.parametrize("dtype", [np.float32, np.float64, ml_dtypes.bfloat16])
def test_numbers_read_back_exactly(open_log, tmp_path, dtype):
    values = np.random.default_rng(0).normal(size=200).astype(dtype) * dtype(1e-3)
    open_log().metrics(1, "train", {"kl_dims/0": values})
    (line,) = lines(tmp_path)
    np.testing.assert_array_equal(np.array(line["kl_dims/0"], dtype), values)


@pytest.mark.parametrize("torn", ["", '{"step": 13, "split": "tr', '{"step": 13}'])
def test_a_resumed_log_equals_an_unbroken_one(tmp_path, torn):
    unbroken, broken = tmp_path / "unbroken", tmp_path / "broken"
    log = RunLog(unbroken, num_steps=20)
    run(log, 1, 20)
    log.close()
    log = RunLog(broken, num_steps=20)
    run(log, 1, 12)  # killed at step 13; the last checkpoint is of step 10
    log.close()
    with (broken / "metrics.jsonl").open("a") as file:
        file.write(torn)
    log = RunLog(broken, num_steps=20, step=10)
    run(log, 11, 20)
    log.close()
    names = {path.name for path in broken.iterdir() if path.is_file()}
    assert names == {"metrics.jsonl", "units.json"}
    assert (broken / "metrics.jsonl").read_bytes() == (unbroken / "metrics.jsonl").read_bytes()


def test_a_whole_last_line_without_its_end_is_kept(open_log, tmp_path):
    (tmp_path / "metrics.jsonl").write_text('{"step": 10, "split": "train"}')
    run(open_log(step=10), 11, 11)
    assert [line["step"] for line in lines(tmp_path)] == [10, 11]


def test_step_0_starts_a_new_log(open_log, tmp_path):
    run(open_log(), 1, 3)
    run(open_log(), 1, 2)
    assert [line["step"] for line in lines(tmp_path)] == [1, 2]


def test_plain_lines_where_there_is_no_terminal(open_log, capsys):
    log = open_log(step=10)
    for step in (20, 30):
        for _ in range(10):
            log.advance(64)
        log.metrics(step, "train", {"elbo": -62.5, "kl": 1.0, "elbo_bpd": 0.0219})
    log.metrics(30, "validation", {"elbo": -61.0, "kl": 1.5})
    log.metrics(30, "train", {"loss": 3.0, "skipped_steps": jnp.int32(0)})
    log.metrics(40, "train", {"loss": 3.0, "skipped_steps": jnp.int32(2)})
    log.say("checkpoint of step 30 saved")
    output = capsys.readouterr()
    said = output.out.splitlines()
    assert output.err == ""
    assert said[0].startswith("step 20/100, ETA 00:0")
    assert said[0].endswith(" images/s, elbo -62.5 nats/image, elbo_bpd 0.0219 bits/dim")
    assert said[2] == "step 30, validation: elbo -61, kl 1.5 nats/image"
    assert said[3].endswith(", loss 3")
    assert said[4].endswith(", loss 3, 2 steps skipped")
    assert said[5:] == ["checkpoint of step 30 saved"]


def test_throughput_leaves_out_what_is_not_training(open_log, capsys, monkeypatch):
    now = 0.0
    monkeypatch.setattr("time.perf_counter", lambda: now)
    log = open_log()

    def advance(seconds: float):
        nonlocal now
        now += seconds
        log.advance(50)

    advance(60.0)  # compiles
    advance(0.5)
    advance(0.5)
    log.metrics(3, "train", {"elbo": -1.0})  # 100 images in 1 s
    advance(2.0)
    log.metrics(4, "train", {"elbo": -1.0})  # 50 images in 2 s
    now += 100.0
    log.metrics(4, "validation", {"elbo": -1.0})
    advance(10.0)  # the first after a pause does not count
    advance(0.25)
    log.metrics(6, "train", {"elbo": -1.0})  # 50 images in 0.25 s
    now += 100.0
    log.image(6, "samples", np.zeros((4, 4, 3), np.uint8))
    advance(10.0)
    log.metrics(7, "train", {"elbo": -1.0})  # nothing to count
    advance(0.125)
    log.metrics(8, "train", {"elbo": -1.0})  # 50 images in 0.125 s
    said = [line for line in capsys.readouterr().out.splitlines() if "/100" in line]
    rates = [line.split(", ")[2].removesuffix(" images/s") for line in said]
    assert rates == ["100", "25", "200", "elbo -1 nats/image", "400"]


def everything(terminal):
    """What was written to a terminal that is closed by now; the kernel hands it over in parts."""
    shown = b""
    with contextlib.suppress(OSError):  # its end
        while part := os.read(terminal, 100_000):
            shown += part
    return shown


def test_a_progress_bar_on_a_terminal(tmp_path, monkeypatch):
    main, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (24, 120))
    with os.fdopen(terminal, "w") as screen:
        monkeypatch.setattr(sys, "stderr", screen)
        log = RunLog(tmp_path, num_steps=100, step=40, units={"train": UNITS})
        for _ in range(10):
            log.advance(64)
        log.metrics(50, "train", {"elbo": -62.5, "elbo_bpd": 0.0219})
        log.close()
    shown = everything(main).decode()
    os.close(main)
    last = shown.rstrip().split("\r")[-1]
    assert last.startswith(" 50%|") and "| 50/100 steps, ETA " in last
    assert last.endswith(" images/s, elbo -62.5 nats/image, elbo_bpd 0.0219 bits/dim")


def test_other_processes_write_nothing(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("jax.process_index", lambda: 1)
    log = RunLog(tmp_path / "run", num_steps=10)
    run(log, 1, 5)
    log.image(5, "samples", np.zeros((4, 4, 3), np.uint8))
    log.say("hello")
    log.close()
    assert not (tmp_path / "run").exists()
    assert capsys.readouterr() == ("", "")


def test_a_silent_log_leaves_no_events(open_log, tmp_path):
    open_log(sinks="tensorboard").close()
    assert {path.name for path in tmp_path.iterdir()} == {"metrics.jsonl", "units.json"}


@pytest.mark.skipif(not importlib.util.find_spec("tensorboardX"), reason="needs tensorboardX")
def test_tensorboard_events(open_log, tmp_path):
    from tensorboardX.proto.event_pb2 import Event

    log = open_log(step=7, sinks="tensorboard")
    run(log, 8, 10)
    log.metrics(10, "train", {"elbo": jnp.nan, "kl_dims/0": jnp.array([jnp.nan])})
    log.image(10, "samples", np.zeros((4, 6, 3), np.uint8))
    log.close()
    (path,) = glob.glob(str(tmp_path / "tensorboard" / "events*"))
    with open(path, "rb") as file:
        content = file.read()
    events, start = [], 0
    while start < len(content):  # a record: length (8 bytes), its CRC (4), data, CRC (4)
        size = int.from_bytes(content[start : start + 8], "little")
        events.append(Event.FromString(content[start + 12 : start + 12 + size]))
        start += size + 16
    assert events[1].step == 8  # what an earlier run logged from here on is hidden
    tags = {(event.step, value.tag) for event in events for value in event.summary.value}
    assert {(8, "train/elbo"), (9, "train/kl_dims/0"), (10, "validation/elbo")} <= tags
    assert (9, "train/images_per_second") in tags
    (image,) = [v.image for e in events for v in e.summary.value if v.tag == "samples"]
    assert (image.height, image.width) == (4, 6)
