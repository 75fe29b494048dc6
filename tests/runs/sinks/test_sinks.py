"""Which sinks a log has, and that none of them ends a run or is imported unasked."""

import numpy as np
import pytest

from tests.runs.sinks.fakes import fake_module, remove
from tests.runs.tiny_runs import tiny_config
from tests.test_imports import run_python
from vaejax.runs.config import ConfigError, TrainSettings
from vaejax.runs.log import RunLog
from vaejax.runs.loop import train
from vaejax.runs.sinks import KNOWN, check_installed, sink_names


def test_names():
    assert sink_names("tensorboard, wandb,mlflow,wandb") == ["tensorboard", "wandb", "mlflow"]
    assert sink_names("") == []
    with pytest.raises(ValueError, match=r"^log: expected some of tensorboard,wandb,mlflow, or"):
        TrainSettings(log="tensorboard,wandbe")


def test_what_is_asked_for_must_be_there(monkeypatch):
    for known in KNOWN.values():
        remove(monkeypatch, known.package)
    check_installed("tensorboard")  # the default, and so no mistake
    with pytest.raises(ValueError, match=r"^log: .*pip install 'vaejax\[mlflow\]'"):
        check_installed("tensorboard,mlflow")


def test_without_tensorboard_a_line_says_how_to_get_it(tmp_path, capsys, monkeypatch):
    remove(monkeypatch, "tensorboardX")
    log = RunLog(tmp_path, num_steps=1, sinks="tensorboard")
    log.metrics(1, "train", {"elbo": np.float32(-1)})
    log.close()
    assert capsys.readouterr().out.startswith("no tensorboard (for it: pip install 'vaejax[log]')")
    assert not (tmp_path / "tensorboard").exists()


class Broken:
    """A sink that fails at one of its calls, and is not called after that."""

    def __init__(self, at: str):
        self.at, self.calls = at, []

    def init(self, **settings):
        self._call("init")
        return self

    id = "broken"

    def define_metric(self, *args, **kwargs):
        pass

    def log(self, line):
        self._call("image" if "samples" in line else "log")

    def finish(self):
        self._call("finish")

    def _call(self, name):
        self.calls.append(name)
        if name == self.at:
            raise OSError("the network is down")


@pytest.mark.parametrize(
    ("at", "told", "calls"),
    [
        ("init", "wandb, opening", ["init"]),
        ("log", "wandb, step 1", ["init", "log"]),
        ("image", "wandb, step 1, samples", ["init", "log", "image"]),
        ("finish", "wandb, closing", ["init", "log", "image", "log", "finish"]),
    ],
)
def test_a_sink_that_fails_is_a_line_and_the_log_goes_on(
    tmp_path, capsys, monkeypatch, at, told, calls
):
    broken = Broken(at)
    fake_module(monkeypatch, "wandb", init=broken.init, Image=np.array, Histogram=np.array)
    log = RunLog(tmp_path, num_steps=2, sinks="wandb")
    log.metrics(1, "train", {"elbo": np.float32(-1)})
    log.image(1, "samples", np.zeros((4, 6, 3), np.uint8))
    log.metrics(2, "train", {"elbo": np.float32(-2)})
    log.close()
    lines = [line for line in capsys.readouterr().out.splitlines() if "wandb" in line]
    assert len(lines) == 1 and lines[0].startswith(told)
    assert "OSError: the network is down" in lines[0]
    assert broken.calls == calls
    assert len((tmp_path / "metrics.jsonl").read_text().splitlines()) == 2
    assert "Traceback" in (tmp_path / "errors.txt").read_text()


def test_a_damaged_list_of_sinks_begins_another_run(tmp_path, monkeypatch):
    given = []

    def init(**settings):
        given.append(settings["id"])
        return Broken("never")

    fake_module(monkeypatch, "wandb", init=init)
    for content in ("", "[]", '{"wandb": "mine"}'):
        (tmp_path / "sinks.json").write_text(content)
        RunLog(tmp_path, num_steps=2, step=1, sinks="wandb").close()
    assert given == [None, None, "mine"]


def test_nothing_is_imported_unasked(tmp_path):
    program = """
import sys
from vaejax.runs.log import RunLog
RunLog("run", num_steps=1, sinks="tensorboard").close()
print(sorted({"wandb", "mlflow", "tensorboard", "tensorboardX"} & set(sys.modules)))
"""
    assert run_python(program, tmp_path).splitlines()[-1] == "[]"


def test_a_run_that_asks_for_what_is_missing_does_not_begin(bar_images, tmp_path, monkeypatch):
    remove(monkeypatch, "wandb")
    config = tiny_config(bar_images)
    config.train.log = "tensorboard,wandb"
    with pytest.raises(ConfigError, match=r"^config\.train\.log: .*pip install 'vaejax\[wandb\]'"):
        train(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()
