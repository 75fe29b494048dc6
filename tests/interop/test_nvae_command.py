"""An official checkpoint becomes a run that can be sampled and evaluated at once."""

import json
from functools import partial

import jax
import numpy as np
import pytest

from tests.data.idx_files import random_arrays, write_mnist
from tests.interop.official import ARGS, random_state_dict
from vaejax.interop.nvae import from_official
from vaejax.interop.nvae.__main__ import main, run_of
from vaejax.runs import batch_statistics, kept_config, modes
from vaejax.runs.checkpoint import Checkpoints
from vaejax.runs.setup import build, restored_state


@pytest.fixture(scope="module")
def state_dict():
    """Of a network of these arguments, for 32 x 32 binary images."""
    return random_state_dict(ARGS, image_size=32)


@pytest.fixture
def workdir(tmp_path, state_dict):
    np.savez(tmp_path / "official.npz", args_json=json.dumps(ARGS), **state_dict)
    main([str(tmp_path / "official.npz"), str(tmp_path / "run")])
    return tmp_path / "run"


def test_a_run_of_the_official_weights(workdir, state_dict, tmp_path, monkeypatch, capsys):
    config = kept_config.get_config(str(workdir))
    few = partial(batch_statistics.reestimate, num_batches=2, batch_size=2)
    monkeypatch.setattr(batch_statistics, "reestimate", few)
    sample = partial(modes.sample, config, workdir, temperature=(0.7,), reestimate=True)
    sample()  # there are no data
    samples = np.load(workdir / "samples_0.npy")
    assert samples.shape == (64, 32, 32, 1) and np.isfinite(samples).all()
    assert (workdir / "interpolations_0.png").exists()
    assert "re-estimated from samples, kept in" in capsys.readouterr().out
    sample()
    assert "re-estimated before, from" in capsys.readouterr().out
    np.testing.assert_array_equal(np.load(workdir / "samples_0.npy"), samples)

    (tmp_path / "data").mkdir()
    write_mnist(tmp_path / "data", random_arrays())
    changes = {"data.path": str(tmp_path / "data")}
    for evaluation in ("bound", "importance_weighted"):
        changes[f"eval.{evaluation}.batch_size"] = 8
    changes["eval.importance_weighted.num_samples"] = 3
    config.update_from_flattened_dict(changes)
    scores = modes.evaluate(config, workdir)
    weighted = scores["test/importance_weighted"]
    assert weighted["log_likelihood"] >= weighted["elbo"]
    np.testing.assert_allclose(weighted["elbo"], scores["test/bound"]["elbo"], rtol=0.05)

    run = build(config, for_sampling=True)
    state = restored_state(run, Checkpoints(workdir / "checkpoints"))
    model, variables = from_official(state_dict, ARGS)
    assert run.model.clone(likelihood=model.likelihood) == model
    for params in (state.params, state.ema_params):
        jax.tree.map(np.testing.assert_array_equal, params["model"], variables["params"])
    stats = variables["batch_stats"]
    jax.tree.map(np.testing.assert_array_equal, state.model_state["batch_stats"], stats)


def test_other_data_sets_are_folders_of_pictures():
    settings = {"image_shape": (64, 64, 3), "likelihood": {"name": "logistic_mixture", "bits": 5}}
    config = run_of(settings, {"dataset": "lsun_church_64", "num_x_bits": 5})
    assert config.data.name == "folder" and config.data.path.endswith("lsun_church_64")
    assert (config.data.image_size, config.data.channels, config.data.bits) == (64, 3, 5)
    binary = {"image_shape": (28, 28, 1), "likelihood": {"name": "bernoulli"}}
    config = run_of(binary, {"dataset": "omniglot", "num_x_bits": 5})
    assert (config.data.binarize, config.data.bits) == ("dynamic", 8)


@pytest.mark.parametrize(
    ("dataset", "name", "split"),
    [
        ("celeba_64", "celeb_a", "validation"),
        ("celeba_256", "celeb_a_hq", "test"),
        ("cifar10", "cifar10", "test"),
        ("ffhq", "folder", "test"),
        ("imagenet_32", "downsampled_imagenet", "validation"),
    ],
)
def test_official_data_sets_are_those_of_the_configurations_at_the_official_bits(
    dataset, name, split
):
    for bits in (3, 8):
        likelihood = {"name": "logistic_mixture", "bits": bits}
        settings = {"image_shape": (64, 64, 3), "likelihood": likelihood}
        config = run_of(settings, {"dataset": dataset, "num_x_bits": bits})
        assert config.data.name == name
        assert config.data.bits == bits
        assert config.eval.importance_weighted.split == split


def test_mistakes_end_in_one_line(workdir, tmp_path):
    with pytest.raises(SystemExit, match="error: expected a checkpoint and a folder"):
        main(["checkpoint.pt"])
    with pytest.raises(SystemExit, match="error: expected a new folder"):
        main([str(tmp_path / "official.npz"), str(workdir)])
    with pytest.raises(SystemExit, match="error: .*nothing.pt"):
        main([str(tmp_path / "nothing.pt"), str(tmp_path / "other")])
    assert not (tmp_path / "other").exists()
