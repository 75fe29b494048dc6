import os
import subprocess
import sys
from collections import namedtuple

import numpy as np
import pytest

from tests.runs.sinks.fakes import FakeMLflow, fake_module
from vaejax.runs.log import RunLog

CONFIG = {"data": {"fixed": {"scale": 5}}, "model": {"about": 1_000 * "x"}}
Metric = namedtuple("Metric", "key value timestamp step")


@pytest.fixture
def mlflow(monkeypatch):
    fake = FakeMLflow()
    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME", raising=False)
    fake_module(monkeypatch, "mlflow")
    fake_module(monkeypatch, "mlflow.tracking", MlflowClient=lambda: fake)
    param = namedtuple("Param", "key value")
    fake_module(monkeypatch, "mlflow.entities", Metric=Metric, Param=param)
    return fake


def logged(folder, step, first, last):
    """A log of steps `first` to `last` of a run resumed from `step`."""
    log = RunLog(folder, num_steps=4, step=step, sinks="mlflow", config=CONFIG)
    for at in range(first, last + 1):
        values = {"elbo": np.float32(-at), "kl_dims": np.arange(2.0), "mig": np.float32("nan")}
        log.metrics(at, "train", values)
    log.image(last, "samples", np.zeros((4, 6, 3), np.uint8))
    log.close()


def test_parameters_numbers_and_pictures_arrive(mlflow, tmp_path):
    logged(tmp_path / "mine", 0, 1, 2)
    (run,) = mlflow.runs.values()
    assert (run["experiment"], run["name"], run["status"]) == ("vaejax", "mine", "FINISHED")
    assert run["params"] == {"data.fixed.scale": "5", "model.about": 500 * "x"}
    found = {(metric.key, metric.step): metric.value for metric in run["metrics"]}
    assert found == {
        (f"train/{name}", step): value
        for step in (1, 2)
        for name, value in {"elbo": -step, "kl_dims/0": 0, "kl_dims/1": 1}.items()
    }
    assert run["images"] == [("samples", 2, (4, 6, 3))]


def test_a_resumed_run_goes_on_in_the_same_one(mlflow, tmp_path):
    logged(tmp_path, 0, 1, 3)
    logged(tmp_path, 2, 3, 4)
    (run,) = mlflow.runs.values()
    assert sorted({metric.step for metric in run["metrics"]}) == [1, 2, 3, 4]
    assert run["status"] == "FINISHED"


def test_a_long_vector_goes_in_parts(mlflow, tmp_path):
    log = RunLog(tmp_path, num_steps=1, sinks="mlflow")
    log.metrics(1, "train", {"kl_dims": np.ones(2_500)})
    log.close()
    assert len(mlflow.runs["run0"]["metrics"]) == 2_500  # the fake refuses more than 1,000 at once


PROGRAM = """
import numpy as np
from mlflow.tracking import MlflowClient
from vaejax.runs.log import RunLog

for step in (0, 1):
    log = RunLog("run", num_steps=2, step=step, sinks="mlflow", config={"train": {"seed": 0}})
    log.metrics(step + 1, "train", {"elbo": np.float32(-1), "kl_dims": np.ones(3)})
    log.image(step + 1, "samples", np.zeros((4, 6, 3), np.uint8))
    log.close()
client = MlflowClient()
(run,) = client.search_runs([client.get_experiment_by_name("vaejax").experiment_id])
history = [metric.step for metric in client.get_metric_history(run.info.run_id, "train/elbo")]
print(run.info.status, run.data.params, history)
"""


@pytest.mark.slow
def test_the_package_itself_keeps_it_in_a_file(tmp_path):
    pytest.importorskip("mlflow")
    pytest.importorskip("sqlalchemy")
    environment = {**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/mlflow.db"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=tmp_path, env=environment, capture_output=True
    )
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.decode().splitlines()[-1] == "FINISHED {'train.seed': '0'} [1, 2]"
