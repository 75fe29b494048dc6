"""`python -m vaejax.metrics`: from a file to a table."""

import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from vaejax.core import compiled
from vaejax.metrics import METRICS, __main__, evaluate

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def file(tmp_path, perfect, grid, monkeypatch):
    monkeypatch.setattr(compiled, "keep_compiled_programs", lambda: None)
    names = np.array(["shape", "x", "y"])
    np.savez(tmp_path / "codes.npz", z=perfect, factors=grid, factor_names=names)
    return str(tmp_path / "codes.npz")


def test_help_needs_no_jax():
    """Where importing it is an error."""
    code = (
        "import sys; sys.modules['jax'] = None; sys.argv = ['vaejax.metrics', '--help']\n"
        "import runpy; runpy.run_module('vaejax.metrics', run_name='__main__')"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    listed = done.stdout.partition("Scores:")[2].partition("(scikit-learn")[0]
    words = set(listed.replace(",", " ").replace(";", " ").split())
    assert words >= set(METRICS) - {"dci"}
    assert ", dci.\n" in done.stdout


def test_a_file_is_scored_as_its_arrays_are(file, perfect, grid, capsys):
    __main__.main([file, "--scores=mig,sap", "--repeats=2", "--format=json", "--seed=3"])
    found = json.loads(capsys.readouterr().out)
    expected = evaluate(perfect, grid, scores=["mig", "sap"], repeats=2, seed=3)
    for score, numbers in expected.scores.items():
        for name, estimate in numbers.items():
            assert found["scores"][score]["numbers"][name]["value"] == estimate.value
    assert found["factor_names"] == ["shape", "x", "y"]


def test_formats(file, capsys):
    for shape, start in (("text", "1,080 images, 3 codes"), ("markdown", "1,080 images, 3 codes")):
        __main__.main([file, "--scores=mig", f"--format={shape}"])
        out = capsys.readouterr().out
        assert out.startswith(start) and ("| mig | mig |" in out) == (shape == "markdown")


def test_a_mistake_is_one_line(file, tmp_path):
    with pytest.raises(SystemExit, match="error: scores: .* did you mean 'mig'"):
        __main__.main([file, "--scores=mgi"])
    with pytest.raises(SystemExit, match="error: .*none.npz: expected an .npz file"):
        __main__.main([str(tmp_path / "none.npz")])
