"""Folders of runs of no steps: what a trained model is asked needs weights, not good ones."""

import jax
import numpy as np
import pytest

from vaejax.runs import kept_config
from vaejax.runs.checkpoint import Checkpoints
from vaejax.runs.config import run_config
from vaejax.runs.kept_data import fingerprint, keep_data
from vaejax.runs.setup import build, initial_state

DENSE = {"name": "ConvVAE", "preset": "burda", "latent_size": 3}
DEEP = {"name": "tests.runs.hierarchy:Pair"}


@pytest.fixture(scope="session")
def grey_images(tmp_path_factory):
    """A file of 60 images of 8 x 8 of all greys."""
    path = tmp_path_factory.mktemp("data") / "greys.npy"
    np.save(path, np.random.default_rng(0).integers(0, 256, (60, 8, 8, 1), dtype=np.uint8))
    return path


@pytest.fixture(scope="session")
def keep_run(tmp_path_factory, grey_images):
    """Makes the folder of a run, with its weights made `spread` times as large as at the start."""

    def keep(model=DENSE, spread=1.0, **sections):
        folder = tmp_path_factory.mktemp("run")
        config = run_config(
            data={"name": "array", "path": str(grey_images), **sections.pop("data", {})},
            model=model,
            objective={"name": "elbo", "beta": 1.0},
            optimizer={"name": "sgd", "learning_rate": 1e-3},
            train={"batch_size": 8},
            eval={"importance_weighted": {"num_samples": 7, "chunk": 3, "batch_size": 8}},
            **sections,
        )
        run = build(config)
        state = initial_state(run)
        larger = jax.tree.map(lambda x: spread * x, state.ema_params)
        checkpoints = Checkpoints(folder / kept_config.CHECKPOINTS)
        checkpoints.save(state._replace(ema_params=larger, params=larger))
        checkpoints.close()
        kept_config.keep_config(folder, config)
        keep_data(folder, fingerprint(config.data.name, run.context.splits))
        return folder

    return keep


@pytest.fixture(scope="session")
def dense_run(keep_run):
    """Of a model with one group of three latents, on binarised images."""
    return keep_run(spread=3.0, data={"binarize": "dynamic"})


@pytest.fixture(scope="session")
def deep_run(keep_run):
    """Of a hierarchy of two groups."""
    return keep_run(DEEP)
