"""The plan in one command, at its smoke size."""

import json
from argparse import Namespace

import pytest

from experiments import future_plans
from tests.experiments.diverging import diverge
from vaejax.runs.config import ConfigError

pytest.importorskip("matplotlib")


@pytest.mark.slow
def test_whole_plan(tmp_path):
    args = Namespace(workdir=tmp_path, size="smoke", strategy="sequential")
    repeats = future_plans.SIZES["smoke"].repeats
    future_plans.run(args)
    results = json.loads((tmp_path / "results.json").read_text())
    points = results["points"]
    assert [(p["latent_size"], p["beta_norm"]) for p in points] == [
        (2, 1e-3),
        (2, 0.1),
        (3, 1e-3),
        (3, 0.1),
    ]
    for point in points:
        assert point["beta"] == pytest.approx(point["beta_norm"] * 64**2 / point["latent_size"])
        assert 0 <= point["beta_vae_score"] <= 1 and 0 <= point["mig"] <= 1
        assert point["elbo"] == pytest.approx(point["log_px"] - point["kl"], rel=1e-5)
        assert point["log_likelihood"] < 0
        assert {len(scores) for scores in point["label_scores"].values()} == {repeats}
    for choice in results["choices"]:
        assert 0 <= choice["lost"] <= 1 and choice["lost_blindly"] >= 0
        assert choice["low"] is None and choice["high"] is None  # of one seed
        assert sum(choice["times_chosen"].values()) == pytest.approx(repeats)
    assert results["diverged"] == []
    for figure in ("heat_map", "inverted_u", "few_labels", "choice", "likelihood"):
        assert (tmp_path / f"{figure}.png").stat().st_size > 0
    assert "log_likelihood" in (tmp_path / "results.csv").read_text()

    runs = sorted(tmp_path.rglob("metrics.jsonl"))
    before = [path.stat().st_mtime_ns for path in runs]
    future_plans.run(args)
    assert json.loads((tmp_path / "results.json").read_text()) == results
    assert [path.stat().st_mtime_ns for path in runs] == before  # nothing was trained again


def test_a_value_that_the_objective_cannot_take_is_told(tmp_path, monkeypatch):
    size = future_plans.SIZES["smoke"]._replace(beta_norms=(-1.0,))
    monkeypatch.setitem(future_plans.SIZES, "smoke", size)
    with pytest.raises(ConfigError, match=r"config\.objective\.beta_norm: expected a number >= 0"):
        future_plans.run(Namespace(workdir=tmp_path, size="smoke", strategy="sequential"))


def test_where_all_diverged_the_results_say_so(tmp_path, monkeypatch):
    monkeypatch.setattr(future_plans.sweep, "train_members", diverge)
    future_plans.run(Namespace(workdir=tmp_path, size="smoke", strategy=None))
    results = json.loads((tmp_path / "results.json").read_text())
    assert len(results["diverged"]) == 4 and results["points"] == []
    assert results["diverged"][0] == "runs_smoke/latent_size=2,beta_norm=0.001/seed=0"
    assert not list(tmp_path.glob("*.png"))
