"""Whole runs of a tiny model: what they leave behind, resuming, stopping, mistakes."""

import copy
import json
import os
import signal

import jax
import numpy as np
import pytest

from tests.runs.tiny_runs import lines, tiny_config, tree_bytes, unbroken_run
from vaejax.runs import modes
from vaejax.runs.config import ConfigError
from vaejax.runs.loop import train


@pytest.fixture
def config(bar_images):
    return tiny_config(bar_images)


@pytest.fixture(scope="module")
def finished(bar_images, tmp_path_factory):
    return unbroken_run(tiny_config(bar_images), tmp_path_factory)


def test_a_run_learns_and_leaves_metrics_pictures_and_checkpoints(finished):
    workdir, state = finished
    assert int(state.step) == 12
    evaluations = [line for line in lines(workdir) if line["split"] == "test/bound"]
    assert [line["step"] for line in evaluations] == [4, 8, 12]
    assert evaluations[-1]["elbo"] > evaluations[0]["elbo"]
    assert evaluations[-1]["num_examples"] == 10
    logged = [line for line in lines(workdir) if line["split"] == "train"]
    assert [line["step"] for line in logged] == [2, 4, 6, 8, 10, 12]
    assert len(logged[0]["kl_dims/0"]) == 2
    names = {path.name for path in (workdir / "figures").iterdir()}
    for kind in ("reconstructions", "samples", "traversals"):
        assert f"{kind}_0000012.png" in names
    assert {"traversals.gif", "reconstructions.gif"} <= names
    assert json.loads((workdir / "config.json").read_text())["model"]["latent_size"] == 2


def test_a_run_says_what_it_does_and_draws_early_without_changing_a_number(
    config, finished, tmp_path, capsys
):
    config.train.eval_every = 12  # of which a tenth is the first step
    state = train(config, tmp_path)
    assert tree_bytes(state) == tree_bytes(finished[1])
    names = sorted(path.name for path in (tmp_path / "figures").glob("samples_*"))
    assert names == [f"samples_00000{step}.png" for step in ("00", "01", "12")]
    said = iter(capsys.readouterr().out.splitlines())
    for beginning in (  # in this order
        "compiling the initial state",
        "ConvVAE, ",
        f"drawing the start into {tmp_path / 'figures'}",
        "compiling the training step",
        "compiled in ",
        "step 4/12, ETA 00:",
        "step 12, evaluating test/bound",
        "step 12, test/bound: ",
        "done: 12 steps in ",
        f"next: python -m vaejax.main --workdir={tmp_path} --mode=sample ",
    ):
        assert any(line.startswith(beginning) for line in said), beginning


def test_resumed_run_is_byte_for_byte_the_unbroken_one(config, finished, tmp_path):
    """Ended early, then killed after it logged beyond its checkpoint, then run to the end."""
    workdir, state = finished
    config.train.num_steps = 8
    train(config, tmp_path)
    # A kill after step 8's checkpoint leaves lines that the resumed run will write again.
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 10, "split": "train", "loss": 1.0}\n{"step": 12, "spl')
    config.train.num_steps = 12
    resumed = train(config, tmp_path)
    assert tree_bytes(resumed) == tree_bytes(state)
    expected = (workdir / "metrics.jsonl").read_bytes()
    assert (tmp_path / "metrics.jsonl").read_bytes() == expected


@pytest.mark.parametrize(
    ("objective", "expected"),
    [
        ({"name": "factor_vae", "gamma": 6.0}, "expected an even number for two halves, got 1"),
        ({"name": "beta_tcvae", "beta": 6.0}, "expected at least 2 images at once"),
    ],
)
def test_a_batch_that_an_objective_refuses_is_a_mistake_in_the_configuration(
    bar_images, tmp_path, monkeypatch, objective, expected
):
    alone = jax.devices()[:1]
    monkeypatch.setattr(jax, "device_count", lambda: 1)
    monkeypatch.setattr(jax, "devices", lambda: alone)
    config = tiny_config(bar_images)
    config.objective = objective
    config.train.batch_size = 1
    with pytest.raises(ConfigError, match=rf"^config\.train\.batch_size: {expected}"):
        train(config, tmp_path)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_the_step_at_hand(config, finished, tmp_path, monkeypatch, number):
    from vaejax.runs import loop as module

    _, state = finished
    advance = module.RunLog.advance
    steps = []

    def advance_and_signal(self, num_images):
        advance(self, num_images)
        steps.append(num_images)
        if len(steps) == 6:
            os.kill(os.getpid(), number)

    monkeypatch.setattr(module.RunLog, "advance", advance_and_signal)
    handler = signal.getsignal(number)
    stopped = train(config, tmp_path)
    assert int(stopped.step) == 6
    assert signal.getsignal(number) is handler
    assert tree_bytes(train(config, tmp_path)) == tree_bytes(state)


def test_finished_run_does_nothing_more(config, finished):
    workdir, state = finished
    before = (workdir / "metrics.jsonl").read_bytes()
    assert tree_bytes(train(config, workdir)) == tree_bytes(state)
    assert (workdir / "metrics.jsonl").read_bytes() == before


def test_folder_of_another_run_is_refused(config, finished):
    config.model.latent_size = 3
    with pytest.raises(ConfigError, match=r"config.model.latent_size: expected 2, as in the run"):
        train(config, finished[0])


def test_evaluation_length_and_place_of_the_data_may_change(config, finished, tmp_path, bar_images):
    workdir, state = finished
    moved = tmp_path / "moved.npy"
    moved.write_bytes(bar_images.read_bytes())
    changes = {"data.path": str(moved), "eval.bound.batch_size": 16, "train.log_every": 7}
    config.update_from_flattened_dict(changes)
    assert tree_bytes(train(config, workdir)) == tree_bytes(state)


def test_other_configuration_is_not_evaluated(config, finished):
    config.objective.beta = 2.0
    with pytest.raises(ConfigError, match="config.objective.beta: expected 1.0, as in the run"):
        modes.evaluate(config, finished[0])


def test_folder_of_a_run_that_never_got_anywhere_is_free(config, finished, tmp_path):
    broken = copy.deepcopy(config)
    broken.optimizer.learning_rate = 1e30
    with pytest.raises(FloatingPointError):
        train(broken, tmp_path)
    assert tree_bytes(train(config, tmp_path)) == tree_bytes(finished[1])


def test_standardised_images_need_a_likelihood_without_bounds(config, tmp_path, bar_images):
    config.update_from_flattened_dict({"data.path": str(bar_images)})
    with config.unlocked():
        config.data.standardize = True
    with pytest.raises(ConfigError, match="config.model.likelihood: expected 'gaussian'"):
        train(config, tmp_path)
    with config.unlocked():
        config.model.likelihood = "gaussian"
        config.train.num_steps = 2
    assert int(train(config, tmp_path).step) == 2


def test_non_finite_loss_ends_the_run_with_advice(config, tmp_path):
    config.optimizer.learning_rate = 1e30
    with pytest.raises(FloatingPointError, match=r"step .*config.optimizer.learning_rate"):
        train(config, tmp_path)


def test_parameters_that_are_not_finite_are_neither_evaluated_nor_saved(config, tmp_path):
    config.update_from_flattened_dict({"optimizer.name": "sgd", "optimizer.learning_rate": 3e38})
    config.update_from_flattened_dict({"objective.beta": 1e6, "train.eval_every": 1})
    with pytest.raises(FloatingPointError, match="parameters are not finite at step 1"):
        train(config, tmp_path)
    assert not list((tmp_path / "checkpoints").glob("[0-9]*"))


def test_steps_skipped_again_and_again_end_the_run(config, tmp_path, monkeypatch):
    monkeypatch.setattr("vaejax.runs.health.MAX_SKIPPED", 5)
    config.optimizer.learning_rate = 1e30
    config.update_from_flattened_dict({"train.skip_factor": 10.0, "train.eval_every": 12})
    with pytest.raises(FloatingPointError, match=r"[5-9] steps in a row were skipped.* at step "):
        train(config, tmp_path)


def test_evaluate_gives_the_logged_scores(config, finished, capsys):
    workdir, _ = finished
    scores = modes.evaluate(config, workdir)["test/bound"]
    last = lines(workdir)[-1]
    assert float(scores["elbo"]) == pytest.approx(last["elbo"], rel=1e-6)
    assert "elbo" in capsys.readouterr().out
    assert (workdir / "evaluation_12.json").exists()


def test_best_checkpoint_is_that_of_the_highest_elbo(config, finished):
    workdir, _ = finished
    evaluations = [line for line in lines(workdir) if line["split"] == "test/bound"]
    best = max(evaluations, key=lambda line: line["elbo"])
    scores = modes.evaluate(config, workdir, "best")["test/bound"]
    assert float(scores["elbo"]) == pytest.approx(best["elbo"], rel=1e-6)


def test_sample_writes_a_picture_and_the_images(config, finished):
    path = modes.sample(config, finished[0])
    assert path.exists()
    images = np.load(path.with_suffix(".npy"))
    assert images.shape == (64, 8, 8, 1)
    assert 0 <= images.min() <= images.max() <= 1


def test_sampling_an_empty_folder_says_so(config, tmp_path):
    with pytest.raises(ConfigError, match="--workdir: expected a folder with checkpoints"):
        modes.sample(config, tmp_path)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("train.batch_size", 12, "config.train.batch_size: expected a positive multiple of 8"),
        ("train.num_microbatches", 3, "config.train.num_microbatches: expected a divisor of the 2"),
        ("train.split", "trian", "config.train.split: unknown 'trian'; did you mean 'train'"),
        ("eval.bound.split", "tst", "config.eval.bound.split: expected one of .*'test'"),
        ("eval.bound.batch_size", 12, "config.eval.bound.batch_size: .* multiple of 8"),
        ("objective.beta", -1.0, "config.objective.beta: expected a number >= 0"),
        ("model.preset", "higgins", "config.model.image_shape: .* divisible by 16"),
        ("data.path", "/nowhere.npy", "config.data.path: "),
        ("optimizer.name", "adm", "config.optimizer.name: .* did you mean 'adam'"),
    ],
)
def test_impossible_values_are_refused_before_anything_is_written(
    config, tmp_path, key, value, message
):
    config.update_from_flattened_dict({key: value})
    with pytest.raises(ConfigError, match=message):
        train(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_memory_does_not_grow(config, tmp_path):
    """Less than 50 MB more resident memory after 2000 further steps."""
    resource = pytest.importorskip("psutil", reason="needs psutil to read resident memory")
    process = resource.Process()
    config.update_from_flattened_dict({"train.num_steps": 200, "train.eval_every": 10_000})
    config.train.log_every = 50
    train(config, tmp_path)
    before = process.memory_info().rss
    config.train.num_steps = 2200
    train(config, tmp_path)
    assert process.memory_info().rss - before < 50e6
