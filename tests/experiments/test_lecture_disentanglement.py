"""The lecture's pages in one command, at their smoke size."""

import json
from argparse import Namespace

import pytest

from experiments import lecture_disentanglement
from experiments.lecture.runs import SIZES, members_of
from tests.experiments.diverging import diverge
from vaejax.runs.setup import build

pytest.importorskip("matplotlib")

FIGURES = {
    "position",
    "capacity",
    "capacity_dependence",
    "capacity_traversals",
    "trade_off",
    "trade_off_traversals",
    "trade_off_reconstructions",
    "coloured",
    "coloured_traversals",
    "coloured_reconstructions",
}


@pytest.mark.slow
def test_whole_lecture(tmp_path):
    args = Namespace(workdir=tmp_path, size="smoke", strategy="sequential")
    lecture_disentanglement.run(args)
    results = json.loads((tmp_path / "results.json").read_text())
    assert [page["beta"] for page in results["position"]] == [1.0, 30.0, 150.0]
    (rise,) = results["capacity"]
    assert rise["capacity"] == [12.5, 25.0]
    assert list(rise["factor_told_from_capacity"]) == ["shape", "scale", "orientation", "x", "y"]
    for latent in rise["latents"]:
        assert all(0 <= share <= 1 for share in latent["shares"].values())
    trade_off = results["trade_off"]
    assert 0 <= trade_off["FactorVAE"]["discriminator_accuracy"][0] <= 1
    assert "total_correlation" not in trade_off["beta-VAE"]
    assert set(results["coloured"]["shares"][0]) == {
        "shape", "scale", "orientation", "x", "y", "colour",
    }  # fmt: skip
    assert results["diverged"] == []
    assert {path.stem for path in tmp_path.glob("*.png")} == FIGURES


def test_pages_without_a_healthy_run_are_left_out_and_told(tmp_path, monkeypatch):
    monkeypatch.setattr(lecture_disentanglement.sweep, "train_members", diverge)
    lecture_disentanglement.run(Namespace(workdir=tmp_path, size="smoke", strategy=None))
    results = json.loads((tmp_path / "results.json").read_text())
    assert len(results["diverged"]) == 7
    assert "runs_smoke/position/beta=1.0/seed=0" in results["diverged"]
    assert results["position"] == results["capacity"] == [] and results["coloured"] is None
    assert results["trade_off"] == {"FactorVAE": {}, "beta-VAE": {}}
    assert not list(tmp_path.glob("*.png"))


@pytest.mark.parametrize("size", ["published", "laptop"])
def test_runs_are_those_of_the_slides(size, tmp_path):
    members = members_of(SIZES[size], tmp_path)
    for some in members.values():
        build(some[0].config)
    objectives = {page: some[0].config.objective for page, some in members.items()}
    assert objectives["factor_vae"].gamma == 10 and objectives["beta_vae"].beta == 8
    assert objectives["capacity"].max_capacity == 25 and not objectives["capacity"].signed
    ends = members["capacity"][0].config
    assert ends.objective.num_steps == ends.train.num_steps
    assert members["coloured"][0].config.data.coloured
