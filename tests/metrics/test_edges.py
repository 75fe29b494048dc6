"""Odd codes: every metric gives finite numbers within its range, never NaN."""

import inspect

import numpy as np
import pytest

from vaejax import metrics

SMALL = {
    "beta_vae_score": {"num_train": 300, "num_eval": 200, "batch_size": 8},
    "factor_vae_score": {"num_train": 300, "num_eval": 200, "batch_size": 8},
    "dci": {"predictor": "lasso"},
    "density_mig": {"num_samples": 40},
    "downstream_accuracy": {"num_labels": (10, 500)},
}
NAMES = (
    "active_units",
    "beta_vae_score",
    "correlation_ratio",
    "dci",
    "density_mig",
    "downstream_accuracy",
    "factor_vae_score",
    "frobenius_distance",
    "infomec",
    "irs",
    "mig",
    "modularity_explicitness",
    "sap",
    "unsupervised_scores",
)
ODD = {
    "constant": lambda z: np.full_like(z, 3.0),
    "one_dead": lambda z: z * np.array([1, 0, 1], np.float32),
    "copies": lambda z: np.tile(z[:, :1], (1, 3)),
    "large": lambda z: 1e4 * z,
    "small": lambda z: 1e-6 * z,
    "more_codes": lambda z: np.tile(z, (1, 3)),
    "fewer_codes": lambda z: z[:, :2],
}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("name", NAMES)
def test_scores_are_finite(name, odd, perfect, grid, key):
    codes = ODD[odd](perfect)
    function = getattr(metrics, name)
    given = {"codes": codes, "means": codes, "log_vars": -1.0 + 0 * codes, "factors": grid}
    given["rng"] = key
    wanted = inspect.signature(function).parameters
    arguments = {parameter: given[parameter] for parameter in wanted if parameter in given}
    for key_, value in function(**arguments, **SMALL.get(name, {})).items():
        assert np.isfinite(value).all(), key_
