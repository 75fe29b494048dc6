"""A sweep at a glance: a line per point, a column per score, the best marked."""

import csv
import math
import re

import pytest

from vaejax import sweep
from vaejax.sweep.overview import columns_of
from vaejax.sweep.table import Row

UNITS = {"test/bound": "nats/image"}
SCORE = "disentanglement/"


def row(beta, split, metric, mean, spread=0.5, num_diverged=0):
    bounds = (mean - spread, mean + spread) if spread else (math.nan, math.nan)
    values = {0: mean - 0.1, 1: mean + 0.1}
    point = {"objective.beta": beta}
    return Row(point, split, metric, UNITS.get(split, ""), values, mean, 0.1, *bounds, num_diverged)


@pytest.fixture
def rows():
    """Two betas; the second has the worse bound and the better score, and lost a seed."""
    rows = []
    for beta, elbo, kl, mig, lost in ((1.0, -100.0, 20.0, 0.1, 0), (4.0, -110.0, 5.0, 0.3, 1)):
        for metric, mean in {"elbo": elbo, "kl": kl, "log_px": elbo + kl, "elbo_bpd": 1.0}.items():
            rows.append(row(beta, "test/bound", metric, mean, num_diverged=lost))
        rows.append(row(beta, "train", "elbo", 0.0, num_diverged=lost))
        for name in ("mig", "mig_std", "num_active", "beta_vae_score_train", "pca/mig"):
            rows.append(row(beta, "disentanglement", SCORE + name, mig, 0, lost))
    return rows


def test_columns_are_the_bound_and_the_scores_of_models(rows):
    bound = [("test/bound", name) for name in ("elbo", "log_px", "kl")]
    assert columns_of(rows) == [*bound, ("disentanglement", "disentanglement/mig")]
    loss = [row(1.0, "train", "loss", 1.0)]
    assert columns_of(loss) == [("train", "loss")]


def test_the_best_of_each_column_is_marked_in_text(rows):
    header, first, second, _, legend = sweep.as_text(sweep.overview(rows)).splitlines()
    units = "elbo, nats/image", "log_px, nats/image", "kl, nats/image"
    assert re.split(" {2,}", header) == ["point", "seeds", *units, "mig"]
    assert re.split(" {2,}", first) == [
        "beta 1.0", "2", "-100.0 [-100.5, -99.5] *", "-80.00 [-80.50, -79.50]",
        "20.00 [19.50, 20.50]", "0.100",
    ]  # fmt: skip
    assert re.split(" {2,}", second) == [
        "beta 4.0", "2 (1 diverged)", "-110.0 [-110.5, -109.5]", "-105.0 [-105.5, -104.5]",
        "5.000 [4.500, 5.500]", "0.300 *",
    ]  # fmt: skip
    assert legend.endswith("over seeds; *: the best mean")


def test_markdown_marks_by_bold(rows):
    lines = sweep.as_markdown(sweep.overview(rows)).splitlines()
    assert lines[0].startswith("| point | seeds | elbo, nats/image |")
    assert "| **-100.0 [-100.5, -99.5]** |" in lines[2] and lines[3].endswith("| **0.300** |")


@pytest.mark.parametrize(
    ("best_metric", "best"), [("elbo", set()), ("-kl", {4.0}), ("kl", {1.0}), ("-log_px", {4.0})]
)
def test_a_run_says_what_is_best(rows, best_metric, best):
    """Of a KL alone no value is the best, unless the configuration chooses by it."""
    metric = best_metric.removeprefix("-") if best_metric != "elbo" else "kl"
    lines = sweep.overview(rows, best_metric)
    column = ("test/bound", metric)
    assert {line.point["objective.beta"] for line in lines if column in line.best} == best


@pytest.mark.parametrize(("best_metric", "best"), [("mine", {4.0}), ("-mine", {1.0})])
def test_a_score_of_ones_own_is_chosen_by_its_full_name(best_metric, best):
    sign, name = best_metric.rpartition("-")[1:]
    rows = [
        Row({"objective.beta": b}, *("disentanglement", f"disentanglement/{name}", ""), {0: b}, b,
            *[math.nan] * 3, 0)
        for b in (1.0, 4.0)
    ]  # fmt: skip
    lines = sweep.overview(rows, f"{sign}disentanglement/{name}")
    assert {line.point["objective.beta"] for line in lines if line.best} == best


def test_a_single_point_is_not_the_best_of_itself(rows):
    (line,) = sweep.overview([r for r in rows if r.point["objective.beta"] == 1.0])
    assert not line.best and "best" not in sweep.as_text([line])


def test_a_point_that_diverged_is_a_line_without_numbers(rows):
    lost = Row({"objective.beta": 9.0}, "", "", "", {}, *[math.nan] * 4, 2)
    lines = sweep.overview([*rows, lost])
    assert ("", "") not in columns_of([*rows, lost])
    assert sweep.as_text(lines).splitlines()[3].split() == ["beta", "9.0", "0", "(2", "diverged)"]


def test_two_splits_of_a_metric_are_told_apart(rows):
    rows = [*rows, row(1.0, "importance_weighted", "elbo", -99.0)]
    header = sweep.as_text(sweep.overview(rows)).splitlines()[0]
    assert "test/bound elbo" in header and "importance_weighted elbo" in header


def test_files(rows, tmp_path):
    lines = sweep.overview(rows)
    sweep.write_overview(lines, tmp_path)
    assert (tmp_path / "table.md").read_text() == sweep.as_markdown(lines) + "\n"
    with (tmp_path / "table.csv").open(newline="") as file:
        first, second = csv.DictReader(file)
    assert (first["objective.beta"], first["elbo"], first["elbo_low"]) == (
        "1.0",
        "-100.0",
        "-100.5",
    )
    assert (first["elbo_best"], second["elbo_best"], first["kl_best"]) == ("1", "0", "0")
    assert (second["num_diverged"], second["mig_low"], second["mig_best"]) == ("1", "", "1")
