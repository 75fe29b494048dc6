"""The choice of beta: arithmetic on given scores, and the command on the smoke configuration."""

import csv

import pytest

pytest.importorskip("matplotlib", reason="needs the extra `plots`")

from experiments import select_beta
from experiments.select_beta import Score, best
from vaejax.config import ConfigError


def test_the_best_beta_is_that_of_the_highest_score():
    scores = [
        Score(4, beta, beta / 1024, count, score, score, score)
        for beta, count, score in ((1, 100, 0.5), (4, 100, 0.9), (16, 100, 0.7), (1, 1000, 0.8))
    ]
    assert best(scores, latent_size=4, num_labels=100).beta == 4
    assert best(scores, latent_size=4, num_labels=1000).beta == 1


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
        assert 0 <= float(row["low"]) <= float(row["score"]) <= float(row["high"]) <= 1
    assert (tmp_path / "scores.png").stat().st_size > 0
    assert "2 latents, 50 labels: beta" in capsys.readouterr().out
