"""One reader of `metrics.jsonl`, which survives whatever has happened to its lines."""

import numpy as np
import pytest

from vaejax.runs.log import RunLog
from vaejax.runs.metric_lines import JsonLines, read_lines

ONE, TWO = b'{"step": 1, "split": "train"}', b'{"step": 2, "split": "train", "loss": 0.5}'
DAMAGED = {
    "torn": b'{"step": 2, "sp',
    "not UTF-8": b"\xff\xfe",
    "half a character": '{"step": 1, "split": "ä"}'.encode()[:-3],
    "zeros of a power cut": b"\0" * 40,
    "no JSON": b"step 1: loss 3",
    "a list": b"[1, 2]",
    "a number": b"3",
    "null": b"null",
    "no step": b'{"split": "train"}',
    "a step of text": b'{"step": "1", "split": "train"}',
    "a step of null": b'{"step": null, "split": "train"}',
    "a step of truth": b'{"step": true, "split": "train"}',
    "two lines in one": ONE + TWO,
    "far too deep": b"[" * 100_000,
}


@pytest.mark.parametrize("kind", DAMAGED)
@pytest.mark.parametrize("place", ["first", "between", "last"])
def test_a_damaged_line_is_left_out_and_counted(tmp_path, kind, place):
    path = tmp_path / "metrics.jsonl"
    before = {"first": 0, "between": 1, "last": 2}[place]
    lines = [ONE, TWO]
    lines.insert(before, DAMAGED[kind])
    path.write_bytes(b"\n".join(lines) + (b"" if place == "last" else b"\n"))
    whole, num_damaged = read_lines(path)
    assert [line["step"] for line in whole] == [1, 2] and num_damaged == 1
    log = JsonLines(path, 2)
    log.metrics(3, "train", {"loss": np.float32(0.1)})
    log.close()
    assert (
        path.read_bytes() == ONE + b"\n" + TWO + b'\n{"step": 3, "split": "train", "loss": 0.1}\n'
    )
    assert log.num_damaged == 1


def test_all_damaged_lines_are_one_line_on_the_console(tmp_path, capsys):
    (tmp_path / "metrics.jsonl").write_bytes(b"\n".join([ONE, *DAMAGED.values(), TWO]))
    RunLog(tmp_path, num_steps=9, step=2).close()
    said = [line for line in capsys.readouterr().out.splitlines() if "damaged" in line]
    assert said == [f"{tmp_path / 'metrics.jsonl'}: {len(DAMAGED)} damaged lines left out"]
    RunLog(tmp_path, num_steps=9, step=2).close()
    assert "damaged" not in capsys.readouterr().out  # nor are they told again


def test_a_file_of_nothing_and_no_file(tmp_path):
    assert read_lines(tmp_path / "metrics.jsonl") == ([], 0)
    (tmp_path / "metrics.jsonl").write_bytes(b"\n\r\n \n")
    assert read_lines(tmp_path / "metrics.jsonl") == ([], 0)


def test_other_ends_of_lines_are_no_damage(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(ONE + b"\r\n" + TWO + b"\r\n")
    assert [line["step"] for line in read_lines(path)[0]] == [1, 2]
    JsonLines(path, 2).close()
    assert path.read_bytes() == ONE + b"\n" + TWO + b"\n"


@pytest.mark.parametrize("evaluated", [True, False])
def test_an_evaluation_that_is_made_again_is_cut_off(tmp_path, evaluated):
    path = tmp_path / "metrics.jsonl"
    lines = [(1, "test/bound"), (2, "train"), (2, "test/bound"), (2, "test/mig"), (3, "train")]
    path.write_text("".join(f'{{"step": {n}, "split": "{split}"}}\n' for n, split in lines))
    JsonLines(path, 2, evaluated=evaluated).close()
    kept = [(line["step"], line["split"]) for line in read_lines(path)[0]]
    assert kept == (lines[:4] if evaluated else lines[:2])


def test_a_file_that_needs_no_cut_is_left_alone(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(ONE + b"\n" + TWO + b"\n")
    before = path.stat().st_ino
    JsonLines(path, 2).close()
    assert path.stat().st_ino == before
