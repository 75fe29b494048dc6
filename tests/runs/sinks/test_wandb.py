import os
import subprocess
import sys

import numpy as np
import pytest

from tests.runs.sinks.fakes import FakeWandb, fake_module
from vaejax.runs.log import RunLog


@pytest.fixture
def wandb(monkeypatch):
    fake = FakeWandb()
    monkeypatch.delenv("WANDB_PROJECT", raising=False)
    fake_module(
        monkeypatch, "wandb", init=fake.init, Image=lambda x: ("image", x.shape), Histogram=np.array
    )
    return fake


def logged(folder, step, first, last):
    """A log of steps `first` to `last` of a run resumed from `step`."""
    config = {"train": {"num_steps": 4}}
    log = RunLog(folder, num_steps=4, step=step, sinks="wandb", config=config)
    for at in range(first, last + 1):
        values = {"elbo": np.float32(-at), "kl_dims": np.ones(3), "mig": np.float32("nan")}
        log.metrics(at, "train", values)
    log.image(last, "samples", np.zeros((4, 6, 3), np.uint8))
    log.close()


def test_numbers_histograms_and_pictures_arrive_at_their_steps(wandb, tmp_path):
    logged(tmp_path / "mine", 0, 1, 2)
    (run,) = wandb.runs.values()
    first, second, picture = run["lines"]
    assert first.pop("train/kl_dims").tolist() == [1, 1, 1]
    assert first == {"step": 1, "train/elbo": -1.0}
    assert second["step"] == 2
    assert picture == {"step": 2, "samples": ("image", (4, 6, 3))}
    assert run["axes"] == {"step": None, "*": "step"} and run["finished"] == 1
    (settings,) = run["settings"]
    assert settings["name"] == "mine" and settings["project"] == "vaejax"
    assert settings["config"] == {"train": {"num_steps": 4}} and settings["resume"] is None


def test_a_resumed_run_goes_on_in_the_same_one(wandb, tmp_path):
    logged(tmp_path, 0, 1, 3)
    logged(tmp_path, 2, 3, 4)  # killed after step 3, whose checkpoint is of step 2
    (run,) = wandb.runs.values()
    assert [line["step"] for line in run["lines"]] == [1, 2, 3, 3, 3, 4, 4]
    assert run["settings"][1]["resume"] == "allow"


def test_a_run_begun_again_is_another_one(wandb, tmp_path):
    logged(tmp_path, 0, 1, 2)
    logged(tmp_path, 0, 1, 2)
    assert list(wandb.runs) == ["run0", "run1"]


PROGRAM = """
import sys
import numpy as np
from vaejax.runs.log import RunLog

for step in (0, 1):
    log = RunLog("run", num_steps=2, step=step, sinks="wandb", config={"train": {"seed": 0}})
    values = {"elbo": np.float32(-1), "kl_dims": np.ones(3)}
    log.metrics(step + 1, "train", values)
    log.image(step + 1, "samples", np.zeros((4, 6, 3), np.uint8))
    log.close()
"""


@pytest.mark.slow
def test_the_package_itself_takes_it_offline(tmp_path):
    pytest.importorskip("wandb")
    environment = {**os.environ, "WANDB_MODE": "offline", "WANDB_SILENT": "true"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=tmp_path, env=environment, capture_output=True
    )
    assert done.returncode == 0, done.stderr.decode()
    assert not (tmp_path / "run" / "errors.txt").exists()
    folders = sorted((tmp_path / "run" / "wandb").glob("offline-run-*"))
    assert {folder.name.split("-")[-1] for folder in folders} == {folders[0].name.split("-")[-1]}
