"""Statistics over seeds, and what is written of them."""

import csv
import json

import numpy as np
import pytest
import scipy.stats

from vaejax import sweep
from vaejax.runs.evaluation_file import write_evaluation
from vaejax.runs.units import write_units
from vaejax.sweep.members import DIVERGED_FILE


@pytest.fixture
def members(tiny, tmp_path):
    """Two betas x three seeds with made-up metrics; one seed of the second beta diverged."""
    points = sweep.grid({"objective.beta": [1.0, 4.0]})
    members = sweep.make_members(tiny(num_steps=8), points, seeds=range(3), workdir=tmp_path)
    for member in members:
        (member.workdir / "checkpoints" / "8").mkdir(parents=True)
        kl = member.point["objective.beta"] + member.seed**2
        lines = [
            {"step": 8, "split": "train", "elbo": -1.0, "kl": 2.0},
            {"step": 4, "split": "test/bound", "elbo": 0.0},
            {"step": 8, "split": "test/bound", "elbo": -kl, "kl": kl, "log_px": -1.0, "v": [1.0]},
        ]
        lines[-1] |= {"elbo_low": -kl - 1, "elbo_high": None}  # over images
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (member.workdir / "metrics.jsonl").write_text(text)
        units = dict.fromkeys(("elbo", "kl", "log_px"), "nats/image")
        write_units(member.workdir, {"test/bound": units})
    (members[-1].workdir / DIVERGED_FILE).write_text("{}")
    return members


def row_of(rows, beta, split, metric):
    (row,) = [
        r for r in rows if (r.point["objective.beta"], r.split, r.metric) == (beta, split, metric)
    ]
    return row


def test_mean_deviation_and_interval_are_those_of_scipy(members):
    row = row_of(sweep.table(members), 1.0, "test/bound", "kl")
    values = [1.0, 2.0, 5.0]
    assert row.values == dict(enumerate(values))
    assert row.unit == "nats/image"
    assert row.mean == pytest.approx(np.mean(values))
    assert row.std == pytest.approx(np.std(values, ddof=1))
    error = scipy.stats.sem(values)
    expected = scipy.stats.t.interval(0.95, df=2, loc=np.mean(values), scale=error)
    assert (row.low, row.high) == pytest.approx(expected)


def test_the_last_line_of_each_split_counts_and_vectors_and_ends_do_not(members):
    rows = sweep.table(members)
    assert row_of(rows, 1.0, "test/bound", "elbo").values[0] == -1.0
    assert row_of(rows, 1.0, "train", "kl").mean == 2.0
    assert not [row for row in rows if row.metric in ("v", "step", "elbo_low", "elbo_high")]


def test_diverged_members_are_counted_and_left_out(members):
    rows = sweep.table(members)
    row = row_of(rows, 4.0, "test/bound", "kl")
    assert row.values == {0: 4.0, 1: 5.0} and row.num_diverged == 1
    assert row_of(rows, 1.0, "test/bound", "kl").num_diverged == 0
    for member in members[3:]:
        (member.workdir / DIVERGED_FILE).write_text("{}")
    (lost,) = [row for row in sweep.table(members) if row.point["objective.beta"] == 4.0]
    assert lost.metric == "" and lost.num_diverged == 3 and np.isnan(lost.mean)


def test_of_a_single_seed_there_is_no_interval(members):
    row = row_of(sweep.table(members[:1]), 1.0, "test/bound", "kl")
    assert row.mean == 1.0 and np.isnan([row.std, row.low, row.high]).all()


def test_seeds_that_agree_have_no_interval(members):
    row = row_of(sweep.table(members), 1.0, "test/bound", "log_px")
    assert (row.mean, row.std) == (-1.0, 0.0) and np.isnan([row.low, row.high]).all()


def test_an_interval_that_is_not_known_is_null(members, tmp_path):
    rows = sweep.table(members[:1])
    sweep.write_table(rows, tmp_path)
    with (tmp_path / "results.csv").open(newline="") as file:
        assert {(line["low"], line["high"]) for line in csv.DictReader(file)} == {("", "")}
    for line in (tmp_path / "results.jsonl").read_text().splitlines():
        assert json.loads(line)["low"] is None and json.loads(line)["high"] is None


def test_unfinished_members_are_not_counted(members):
    (members[0].workdir / "checkpoints" / "8").rename(members[0].workdir / "checkpoints" / "4")
    assert set(row_of(sweep.table(members), 1.0, "test/bound", "kl").values) == {1, 2}


def test_files_hold_the_rows(members, tmp_path):
    rows = sweep.table(members)
    sweep.write_table(rows, tmp_path)
    with (tmp_path / "results.csv").open(newline="") as file:
        read = list(csv.DictReader(file))
    lines = [json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()]
    assert len(read) == len(lines) == len(rows)
    for row, cells, line in zip(rows, read, lines, strict=True):
        assert float(cells["objective.beta"]) == line["objective.beta"]
        assert float(cells["mean"]) == line["mean"] == row.mean
        assert line["values"] == {str(seed): value for seed, value in row.values.items()}
    sweep.write_table(sweep.table(members[:1]), tmp_path)
    assert '"std": null' in (tmp_path / "results.jsonl").read_text()


def test_a_swept_infinity_is_written_as_text(members, tmp_path):
    row = sweep.table(members[:1])[0]._replace(point={"train.skip_factor": np.inf})
    sweep.write_table([row], tmp_path)
    (line,) = (tmp_path / "results.jsonl").read_text().splitlines()
    assert json.loads(line)["train.skip_factor"] == "inf"


def test_what_was_evaluated_later_is_read(members):
    """By `--mode=evaluate` of members' last checkpoints, a score that was not asked for then."""
    for member in members[:2]:
        scores = {"disentanglement": {"disentanglement/mig": 0.25 + member.seed, "kl": np.zeros(2)}}
        write_evaluation(member.workdir, 8, scores)
    write_evaluation(members[2].workdir, 4, {"disentanglement": {"disentanglement/mig": 9.0}})
    (members[3].workdir / "evaluation_8.json").write_text("torn")
    rows = sweep.table(members)
    mig = row_of(rows, 1.0, "disentanglement", "disentanglement/mig")
    assert mig.values == {0: 0.25, 1: 1.25}
    assert row_of(rows, 1.0, "test/bound", "kl").mean == pytest.approx(8 / 3)
    assert not [row for row in rows if row.point["objective.beta"] == 4.0 and "mig" in row.metric]
