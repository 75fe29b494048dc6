"""The thesis in one command, at its smoke size, on faces of noise."""

import json
from argparse import Namespace

import pytest

from experiments import thesis_frey
from tests.test_configs import write_frey_faces
from vaejax.runs.config import ConfigError

pytest.importorskip("matplotlib")


def run(workdir, faces):
    # One process: those of the default strategy would each compile every program.
    size = {"size": "smoke", "strategy": "sequential"}
    thesis_frey.run(Namespace(workdir=workdir, faces=faces, digits=workdir, **size))
    return json.loads((workdir / "results.json").read_text())


@pytest.mark.slow
def test_whole_thesis(tmp_path, capsys):
    faces = write_frey_faces(tmp_path)["data.path"]
    results = run(tmp_path / "thesis", faces)
    assert "no figure 3.2" in capsys.readouterr().out  # there is no MNIST in that folder
    for check in results["equation_3_9"]:
        error = check["closed_form"] - check["monte_carlo"]
        assert abs(error) < 5 * check["standard_error"]
    rows = results["chapter_5"]
    assert [(row["latent_size"], row["beta"]) for row in rows] == [(2, 1e-5), (2, 1.0), (2, 20.0)]
    assert [len(row["seeds"]) for row in rows] == [2, 2, 1]
    for row in rows:
        for seed in range(len(row["seeds"])):
            kl, *parts = (
                row[f"equation_3_14/{name}"][seed]
                for name in ("kl", "mutual_information", "marginal_kl", "gap_se")
            )
            assert abs(kl - parts[0] - parts[1]) < 5 * parts[2]
            assert kl == pytest.approx(row["equation_3_10/closed_form"][seed], rel=1e-4)
    # Noise has a mean image, and nothing that a model could learn of it in four steps.
    assert results["mean_image_error"] == pytest.approx(
        rows[1]["reconstruction/training"][0], rel=0.1
    )
    for score in ("beta_vae_score", "mig", "pca/mig", "untrained/beta_vae_score"):
        assert 0 <= results["chapter_6"][0][f"disentanglement/{score}"] <= 1
    figures = {path.stem for path in (tmp_path / "thesis").glob("*.png")}
    assert {"figure_3_3", "figure_4_1", "figure_5_2", "figure_5_4", "chapter_6"} <= figures

    runs = sorted((tmp_path / "thesis" / "runs_smoke").rglob("metrics.jsonl"))
    assert runs and not (tmp_path / "thesis" / "runs").exists()
    before = [path.stat().st_mtime_ns for path in runs]
    assert run(tmp_path / "thesis", faces) == results
    assert [path.stat().st_mtime_ns for path in runs] == before  # nothing was trained again


def test_without_faces_it_says_what_to_put_where(tmp_path):
    with pytest.raises(ConfigError, match=r"config\.data\.path: expected frey_rawface\.mat"):
        run(tmp_path, tmp_path / "nothing.mat")
