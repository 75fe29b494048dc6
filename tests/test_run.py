"""What a configuration stands for is checked before anything compiles."""

import numpy as np
import pytest

from vaejax.config import ConfigError, run_config
from vaejax.run import build


def config_of(folder, likelihood, **data):
    images = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 1)).astype(np.uint8)
    np.save(folder / "images.npy", images)
    return run_config(
        data=dict(name="array", path=str(folder / "images.npy"), **data),
        model=dict(name="ConvVAE", preset="burda", latent_size=2, likelihood=likelihood),
        objective=dict(name="elbo"),
        optimizer=dict(name="adam", learning_rate=1e-3),
    )


def test_masses_are_of_the_values_that_the_images_take(tmp_path):
    build(config_of(tmp_path, dict(name="logistic_mixture", bits=8)))
    with pytest.raises(ConfigError, match=r"config.model.likelihood.bits: expected 8, .* got 5"):
        build(config_of(tmp_path, dict(name="logistic_mixture", bits=5)))
    with pytest.raises(ConfigError, match=r"config.model.likelihood.bits: expected 1, .* got 8"):
        build(config_of(tmp_path, dict(name="logistic_mixture"), binarize="fixed"))
