"""The surgery of a sweep of beta, at its smoke size."""

import numpy as np
import pytest

from experiments.likelihood import figures, surgery
from experiments.likelihood.surgery import SIZES, config_of
from vaejax.runs.setup import build

pytest.importorskip("matplotlib")
ROW = {
    "beta": 1.0, "log_n": 9.2, "kl": 12.0, "mutual_information": 8.0, "total_correlation": 3.0,
    "dimension_wise_kl": 1.0, "elbo": -90.0, "log_likelihood": -85.0,
}  # fmt: skip


@pytest.mark.slow
def test_smoke_size(tmp_path):
    rows = surgery.run("smoke", tmp_path, strategy="sequential")
    assert [(row["beta"], row["seed"]) for row in rows] == [(0.5, 0), (8.0, 0)]
    for row in rows:
        assert abs(row["gap"]) < 5 * row["gap_se"]
        assert 0 <= row["mutual_information"] <= row["log_n"] == np.log(64)
        assert row["posterior_gap"] >= 0
    assert (tmp_path / "surgery.png").exists()
    assert surgery.run("smoke", tmp_path, strategy="sequential") == rows  # nothing is trained again


def test_the_figure_stacks_parts_of_the_mean_over_seeds():
    rows = [ROW, {**ROW, "mutual_information": 9.0}, {**ROW, "beta": 4.0}]
    left, right = figures.surgery(rows).axes
    bars = [patch for patch in left.patches if patch.get_height() > 0]
    assert [bar.get_height() for bar in bars[:2]] == [8.5, 8.0]
    assert bars[2].get_y() == 8.5  # the total correlation stands on the information
    assert [text.get_text() for text in right.get_xticklabels()] == ["1", "4"]


@pytest.mark.parametrize("size", SIZES)
def test_runs_are_evaluated_once_by_the_surgery_of_the_training_images(size):
    config = config_of(SIZES[size])
    run = build(config)
    assert surgery.EVALUATION in run.evaluators
    assert config.train.eval_every == config.train.num_steps
