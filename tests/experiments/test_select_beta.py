"""The choice of beta: arithmetic on given scores, and the command on the smoke configuration."""

import csv

import numpy as np
import pytest
import scipy.stats

pytest.importorskip("matplotlib", reason="needs the extra `plots`")

from experiments import select_beta
from experiments.select_beta import Reading, choice, scores_of
from vaejax.runs.config import ConfigError

# Of four draws of labels beta 4 wins two and shares one with beta 16, which wins the last.
SCORES = {1: [0.5, 0.6, 0.5, 0.5], 4: [0.9, 0.8, 1.0, 0.7], 16: [0.7, 0.7, 1.0, 0.9]}


@pytest.fixture
def readings():
    """Of four latents, and one of five."""
    few = {100: np.array([0.1, 0.2, 0.3, 0.4])}
    made = [
        Reading(4, beta, beta / 1024, {100: np.array(values), 10: np.ones(4)})
        for beta, values in SCORES.items()
    ]
    return [Reading(5, 1.0, 0.1, few), *made]


def test_scores_say_how_often_each_beta_wins(readings):
    scores = scores_of(readings, latent_size=4, num_labels=100)
    assert [s.share_chosen for s in scores] == [0, 0.625, 0.375]
    assert {s.share_tied for s in scores} == {0.25}
    ends = scipy.stats.t.interval(0.95, 3, 0.85, scipy.stats.sem(SCORES[4]))
    assert (scores[1].score, scores[1].low, scores[1].high) == pytest.approx((0.85, *ends))
    line = choice(scores)
    assert line.startswith("4 latents, 100 labels: beta 4, beta_norm 0.003906, score 0.850 [0.6")
    assert line.endswith("of 10 draws of the labels: beta 4 62%, beta 16 38% (25% tied)")


def test_ties_are_told_and_have_no_interval(readings):
    scores = scores_of(readings, latent_size=4, num_labels=10)
    assert [s.share_chosen for s in scores] == pytest.approx([1 / 3] * 3)
    assert all(np.isnan([s.low, s.high]).all() and s.share_tied == 1 for s in scores)
    line = choice(scores)
    assert "beta 1, beta_norm 0.0009766 or beta 4, " in line and "score 1.000; of" in line
    assert line.endswith("beta 1 33%, beta 4 33%, beta 16 33% (100% tied)")


def test_what_is_not_known_is_empty_in_the_table_and_not_drawn(readings, tmp_path):
    scores = scores_of(readings, latent_size=4, num_labels=10)
    select_beta.write_table(scores, tmp_path / "scores.csv")
    with (tmp_path / "scores.csv").open() as file:
        assert {(row["low"], row["high"]) for row in csv.DictReader(file)} == {("", "")}
    (container,) = select_beta.score_panels(scores).axes[0].containers
    (bars,) = container.lines[2]
    assert not [path for path in bars.get_paths() if np.isfinite(path.vertices).all()]


def test_a_table_that_cannot_be_written_whole_leaves_the_old_one(readings, tmp_path, monkeypatch):
    path = tmp_path / "scores.csv"
    path.write_text("old")

    def killed(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", killed)
    with pytest.raises(KeyboardInterrupt):
        select_beta.write_table(scores_of(readings, latent_size=4, num_labels=10), path)
    assert path.read_text() == "old"


def test_more_labels_than_images_are_refused_before_anything_is_trained(tmp_path):
    args = select_beta.parse([f"--workdir={tmp_path}", "--smoke", "--num_labels=1000000"])
    with pytest.raises(ConfigError, match="--num_labels: expected at most 663552, got 1000000"):
        select_beta.run(args)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_the_command_writes_a_table_and_a_picture(tmp_path, capsys):
    flags = ["--smoke", "--strategy=sequential"]
    select_beta.run(select_beta.parse([f"--workdir={tmp_path}", *flags]))
    with (tmp_path / "scores.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(float(row["beta"]), int(row["num_labels"])) for row in rows] == [
        (1.0, 50),
        (1.0, 100),
        (4.0, 50),
        (4.0, 100),
    ]
    for row in rows:
        assert float(row["beta_norm"]) == pytest.approx(float(row["beta"]) * 2 / 64**2)
        assert float(row["low"]) < float(row["score"]) < float(row["high"])
        assert 0 <= float(row["score"]) <= 1 and 0 <= float(row["share_chosen"]) <= 1
    assert (tmp_path / "scores.png").stat().st_size > 0
    assert "2 latents, 50 labels: beta" in capsys.readouterr().out
