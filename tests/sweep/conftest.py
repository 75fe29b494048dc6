"""Tiny configurations whose single runs a sweep's members are compared with."""

import pytest

from vaejax.runs.config import run_config


@pytest.fixture(scope="session")
def tiny(bar_images):
    """A function that makes a configuration: of a dense network, unless told otherwise."""

    def make(*, preset="burda", objective=None, num_steps=8, **train):
        return run_config(
            data={"name": "array", "path": str(bar_images), "flip": True},
            model={"name": "ConvVAE", "preset": preset, "latent_size": 2},
            objective=objective or {"name": "elbo", "beta": 1.0},
            optimizer={"name": "adam", "learning_rate": 1e-3},
            train={
                "num_steps": num_steps,
                "batch_size": 16,
                "log_every": 2,
                "eval_every": 4,
                **train,
            },
            eval={"bound": {"split": "test", "batch_size": 16}},
        )

    return make
