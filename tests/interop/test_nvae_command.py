"""An official checkpoint becomes a run that can be sampled and evaluated at once."""

import json
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.data.idx_files import random_arrays, write_mnist
from vaejax import kept_config, modes
from vaejax.checkpoint import Checkpoints
from vaejax.distributions import bernoulli
from vaejax.interop.nvae import from_official, model_settings, to_official
from vaejax.interop.nvae.__main__ import main, run_of
from vaejax.models import NVAE
from vaejax.run import build, restored_state

ARGS = {
    "dataset": "mnist",
    "num_x_bits": 8,
    "num_latent_scales": 2,
    "num_groups_per_scale": 1,
    "num_latent_per_group": 2,
    "num_channels_enc": 4,
    "num_channels_dec": 4,
    "num_preprocess_blocks": 2,
    "num_preprocess_cells": 1,
    "num_postprocess_cells": 1,
    "num_cell_per_cond_enc": 1,
    "num_cell_per_cond_dec": 1,
    "num_nf": 0,
    "arch_instance": "res_mbconv",
    "use_se": True,
    "res_dist": True,
}


@pytest.fixture(scope="module")
def state_dict():
    """Of a network of these arguments, for 32 x 32 binary images."""
    settings = model_settings(
        {
            "prior_ftr0": np.zeros((32, 4, 4)),
            "stem.weight": np.zeros((4, 1, 3, 3)),
            "image_conditional.1.bias": np.zeros(1),
        },
        ARGS,
    )
    assert settings.pop("likelihood") == {"name": "bernoulli", "border": 2}
    model = NVAE(likelihood=bernoulli(border=2), **settings)
    rngs = {"params": jax.random.key(0), "latent": jax.random.key(1)}
    shapes = jax.eval_shape(model.init, rngs, jnp.zeros((1, 32, 32, 1)))
    random = np.random.default_rng(0)  # in no time, where initialisers would be compiled

    def uniform(low, high, tree):
        return jax.tree.map(lambda x: random.uniform(low, high, x.shape).astype("f"), tree)

    params, batch_stats = shapes["params"], shapes["batch_stats"]
    variables = {"params": uniform(-0.3, 0.3, params), "batch_stats": uniform(0.5, 1, batch_stats)}
    return to_official(model, variables)


@pytest.fixture
def workdir(tmp_path, state_dict):
    np.savez(tmp_path / "official.npz", args_json=json.dumps(ARGS), **state_dict)
    main([str(tmp_path / "official.npz"), str(tmp_path / "run")])
    return tmp_path / "run"


def test_a_run_of_the_official_weights(workdir, state_dict, tmp_path, monkeypatch, capsys):
    config = kept_config.get_config(str(workdir))
    few = partial(modes.reestimate_batch_stats, num_batches=2, batch_size=2)
    monkeypatch.setattr(modes, "reestimate_batch_stats", few)
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
    assert run.context.model.clone(likelihood=model.likelihood) == model
    for params in (state.params, state.ema_params):
        jax.tree.map(np.testing.assert_array_equal, params["model"], variables["params"])
    stats = variables["batch_stats"]
    jax.tree.map(np.testing.assert_array_equal, state.model_state["batch_stats"], stats)


def test_other_data_sets_are_folders_of_pictures():
    settings = {"image_shape": (64, 64, 3), "likelihood": {"name": "logistic_mixture", "bits": 5}}
    config = run_of(settings, {"dataset": "lsun_church_64", "num_x_bits": 5})
    assert config.data.name == "folder" and config.data.path.endswith("lsun_church_64")
    assert (config.data.image_size, config.data.channels, config.data.bits) == (64, 3, 5)
    celeba = run_of(settings, {"dataset": "celeba_64", "num_x_bits": 8})
    assert celeba.data.name == "celeb_a"
    assert celeba.eval.importance_weighted.split == "validation"


def test_mistakes_end_in_one_line(workdir, tmp_path):
    with pytest.raises(SystemExit, match="error: expected a checkpoint and a folder"):
        main(["checkpoint.pt"])
    with pytest.raises(SystemExit, match="error: expected a new folder"):
        main([str(tmp_path / "official.npz"), str(workdir)])
    with pytest.raises(SystemExit, match="error: .*nothing.pt"):
        main([str(tmp_path / "nothing.pt"), str(tmp_path / "other")])
    assert not (tmp_path / "other").exists()
