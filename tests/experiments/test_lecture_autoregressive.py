"""The lecture's pages on autoregressive models: runs, readings, tables, and the whole command."""

import importlib
import json
from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest

from configs import gated_pixelcnn_mnist
from experiments import lecture_autoregressive
from experiments.autoregressive import readings, runs
from experiments.autoregressive.published import CONFIGURATIONS
from experiments.autoregressive.runs import AF, CONFIGURED, IAF, SIZES, Cell
from experiments.autoregressive.tables import as_markdown
from experiments.trained import Trained
from tests.data.idx_files import random_arrays, write_mnist
from vaejax import data
from vaejax.distributions import Normal, normal_latent
from vaejax.runs.kept_config import check_same_run, keep_config
from vaejax.runs.setup import build
from vaejax.training.state import TrainState


def write_test_split(folder):
    """MNIST with 600 test images that are noise, so that every label is there."""
    random, arrays = np.random.default_rng(0), random_arrays()
    arrays["t10k-labels-idx1-ubyte.gz"] = random.integers(0, 10, 600, dtype=np.uint8)
    arrays["t10k-images-idx3-ubyte.gz"] = random.integers(0, 256, (600, 28, 28), dtype=np.uint8)
    write_mnist(folder, arrays)


def test_runs_can_be_built(tmp_path):
    write_mnist(tmp_path, random_arrays())
    for size in SIZES.values():
        members = runs.members_of(size, tmp_path, tmp_path / "runs")
        folders = {run.workdir for some in members.values() for run in some}
        assert len(folders) == sum(map(len, members.values()))
        for cell, some in members.items():
            assert [run.seed for run in some] == list(range(size.seeds[cell.page]))
            model = build(some[0].config).model
            assert hasattr(model, "latent_shapes") == (cell.page in runs.CODED)


def test_a_finished_run_of_the_configuration_can_be_put_in_place(tmp_path):
    keep_config(tmp_path, gated_pixelcnn_mnist.get_config("laptop"))
    config = runs.configs_of(SIZES["laptop"], tmp_path / "elsewhere")[Cell("nll", CONFIGURED)]
    check_same_run(tmp_path, config)


def test_prior_and_posterior_have_the_same_flow(tmp_path):
    configs = runs.configs_of(SIZES["laptop"], tmp_path)
    prior = configs[Cell("vlae", AF)].model.prior.to_dict()
    posterior = configs[Cell("vlae", IAF)].model.posterior.to_dict()
    assert (prior.pop("name"), posterior.pop("name")) == ("autoregressive_flow", "iaf")
    assert prior == posterior


@pytest.mark.parametrize("width, expected", [(0.01, 1.0), (1e3, 0.1)])
def test_labels_are_read_off_draws(tmp_path, width, expected):
    """Of means that tell the digit, and of draws so wide that these do not."""
    write_test_split(tmp_path)

    random = np.random.default_rng(0)

    def noise(keys):
        return (jnp.asarray(random.normal(size=(len(keys), 10)), jnp.float32),)

    def encode(params, model_state, batch, noise):
        means = (batch["label"][:, None] == jnp.arange(10)[None]).astype(jnp.float32)
        posterior = Normal(means, jnp.full_like(means, width))
        return (normal_latent(posterior.at(noise[0]), posterior, Normal.standard(means)),)

    views = SimpleNamespace(noise=noise, encode=encode)
    context = SimpleNamespace(splits=data.mnist(tmp_path), objective=SimpleNamespace(views=views))
    state = TrainState(0, {}, {}, {}, None)
    model = Trained(None, SimpleNamespace(context=context), state)
    found = readings.label_accuracy(model, num_images=600)
    assert found == pytest.approx(expected, abs=0.0 if expected == 1.0 else 0.07)


def test_tables_of_made_up_runs():
    def coded(nll, rate, accuracy):
        return {
            "nll": nll,
            "rate": rate,
            "distortion": {seed: nll[seed] - rate[seed] for seed in nll},
            "accuracy": accuracy,
        }

    rows = {
        Cell("window", "1"): coded({0: 110.0, 1: 112.0}, {0: 14.0, 1: 14.2}, {0: 0.9, 1: 0.9}),
        Cell("window", "full"): coded({0: 95.0, 1: 95.0}, {0: 0.2, 1: 0.2}, {0: 0.1, 1: 0.12}),
        Cell("vlae", IAF): coded({0: 101.0, 1: 102.0}, {0: 20.0, 1: 20.0}, {0: 0.9, 1: 0.9}),
        Cell("vlae", AF): coded({0: 100.0, 1: 102.5}, {0: 20.0, 1: 20.0}, {0: 0.9, 1: 0.9}),
        Cell("nll", CONFIGURED): {"nll": {0: 86.59}},
    }
    lines = as_markdown(rows).splitlines()
    assert "| window full | 95.00 | 0.20 | 94.80 | 0.110 [-0.017, 0.237] | 2 |" in lines
    assert "| PixelCNN | 81.30 | 86.59 | 1 |" in lines
    assert "| IAF VAE | 79.88 | 101.50 [95.15, 107.85] | 2 |" in lines
    assert "| VLAE | 79.03 |  |  |" in lines  # not trained
    for model, config in CONFIGURATIONS.items():
        importlib.import_module(f"configs.{config}")
        assert any(line.startswith(f"| {model} |") and config in line for line in lines)
    assert "- KL of window 1 above that of window full: +13.90 [12.63, 15.17]" in lines
    (answer,) = (line for line in lines if line.startswith("| Is an AF prior"))
    assert "NLL, at most of IAF posterior above that of AF prior: +0.25" in answer
    assert answer.endswith("| 1 of 2 |")
    assert not any(line.startswith("| Does the code") for line in lines)


@pytest.mark.slow
def test_smoke_size(tmp_path, monkeypatch):
    """A page of the command, two windows of it: trained, read, drawn, and read again."""
    pytest.importorskip("matplotlib")
    windows = {"1": 1, "full": None}
    for module in (runs, lecture_autoregressive):  # each window is a program to compile
        monkeypatch.setattr(module, "WINDOWS", windows)
    write_test_split(tmp_path)
    command = [f"--workdir={tmp_path / 'page'}", f"--mnist={tmp_path}", "--smoke"]
    command += ["--strategy=sequential", "--pages", "window"]
    lecture_autoregressive.run(lecture_autoregressive.parse(command))
    names = ("tables.md", "rate_distortion.png", "codes_window_full.png")
    for name in names:
        (tmp_path / "page" / name).unlink()
    lecture_autoregressive.run(lecture_autoregressive.parse([*command, "--finished"]))
    assert all((tmp_path / "page" / name).exists() for name in names)
    rows = json.loads((tmp_path / "page" / "results.json").read_text())["rows"]
    assert [row["row"] for row in rows] == list(windows)
    for row in rows:
        for seed in ("0", "1"):
            parts = row["rate"][seed] + row["distortion"][seed]
            assert row["nll"][seed] == pytest.approx(parts, rel=1e-5)
            assert 0 <= row["accuracy"][seed] <= 1
