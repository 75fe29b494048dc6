"""The choice of beta: arithmetic on given scores, and the command on the smoke configuration."""

import csv

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="needs the extra `plots`")

from experiments import select_beta
from experiments.select_beta import Score, best, higgins_scores, with_interval
from vaejax.evaluators.disentanglement import Table


def test_the_best_beta_is_that_of_the_highest_score():
    scores = [
        Score(4, beta, beta / 1024, count, score, score, score)
        for beta, count, score in ((1, 100, 0.5), (4, 100, 0.9), (16, 100, 0.7), (1, 1000, 0.8))
    ]
    assert best(scores, latent_size=4, num_labels=100).beta == 4
    assert best(scores, latent_size=4, num_labels=1000).beta == 1


def test_scores_of_few_labels_come_with_an_interval():
    rng = np.random.default_rng(0)
    factors = rng.integers(4, size=(500, 3))
    codes = (factors + 0.3 * rng.normal(size=factors.shape)).astype(np.float32)
    mean, low, high = with_interval(higgins_scores(Table(codes, codes, factors), 300))
    assert 0.9 < low <= mean <= high <= 1.0


@pytest.mark.slow
def test_the_command_writes_a_table_and_a_picture(tmp_path, capsys):
    arguments = ["--variant=smoke", "--betas=1,4", "--latent_sizes=2", "--num_labels=50,100"]
    select_beta.run(select_beta.parse([f"--workdir={tmp_path}", *arguments]))
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
