"""Scores are those of the same codes elsewhere, or in other units, where the metric says so.

In float32 numbers near 1e5 are 1/128 apart: codes that are multiples of 1/64 are exact there, and
whatever is lost is lost by the metric.
"""

import functools
import inspect

import numpy as np
import pytest

from vaejax import metrics

VOTES = {"num_train": 500, "num_eval": 500, "batch_size": 16}
METRICS = {
    "active_units": metrics.active_units,
    "beta_vae_score": functools.partial(metrics.beta_vae_score, **VOTES),
    "correlation_ratio": metrics.correlation_ratio,
    "dci": functools.partial(metrics.dci, predictor="lasso"),
    "dci_trees": functools.partial(metrics.dci, num_train=150, num_test=150),
    "density_mig": functools.partial(metrics.density_mig, num_samples=200),
    "downstream_accuracy": functools.partial(metrics.downstream_accuracy, num_labels=(100, 500)),
    "factor_vae_score": functools.partial(metrics.factor_vae_score, **VOTES, min_std=0.0),
    "frobenius_distance": metrics.frobenius_distance,
    "infomec": metrics.infomec,
    "irs": metrics.irs,
    "mig": metrics.mig,
    "modularity_explicitness": metrics.modularity_explicitness,
    "sap_continuous": functools.partial(metrics.sap, continuous=True),
    "unsupervised_scores": metrics.unsupervised_scores,
}
# The penalty of its classifier is in units of the codes, and so are the two others themselves.
IN_UNITS = {"beta_vae_score", "active_units", "frobenius_distance"}
COMPARES_CODES = {"infomec", "irs"}  # their spreads
FIELDS_IN_UNITS = {"gaussian_wasserstein_correlation", "max_deviations"}
FIELDS_THAT_COMPARE = {"gaussian_wasserstein_correlation_norm"}


@pytest.fixture(scope="module")
def codes(perfect, useless):
    """Noisy codes [1080, 4] in 64ths, one of them a mixture of two factors."""
    mixed = np.concatenate([perfect, perfect[:, :1] + perfect[:, 1:2]], axis=1)
    noise = np.concatenate([useless, useless[::-1, :1]], axis=1)
    return (np.rint(64 * (mixed + 0.3 * noise)) / 64).astype(np.float32)


def numbers(name, codes, grid, key, log_var=-2.0):
    given = {"codes": codes, "means": codes, "factors": grid, "rng": key}
    given["log_vars"] = np.zeros_like(codes) + np.asarray(log_var, codes.dtype)
    wanted = inspect.signature(METRICS[name]).parameters
    if name == "dci_trees":
        pytest.importorskip("sklearn", reason="needs the extra `metrics`")
    return METRICS[name](**{key: value for key, value in given.items() if key in wanted})


def assert_same(ours, expected, without=()):
    for field, value in expected.items():
        if field not in without:  # one row in 300 may be told apart otherwise
            np.testing.assert_allclose(ours[field], value, atol=4e-3, err_msg=field)


TREES = pytest.param("dci_trees", marks=pytest.mark.slow)


def names(without=frozenset()):
    return [TREES if name == "dci_trees" else name for name in METRICS if name not in without]


@pytest.mark.parametrize("name", names())
def test_elsewhere(name, codes, grid, key):
    moved = codes + np.float32(1e5)
    np.testing.assert_array_equal(moved - np.float32(1e5), codes)
    assert_same(numbers(name, moved, grid, key), numbers(name, codes, grid, key))


@pytest.mark.parametrize("name", names(IN_UNITS))
def test_elsewhere_in_other_units(name, codes, grid, key):
    moved = 1e5 + 1e-3 * codes.astype(np.float64)
    ours = numbers(name, moved, grid, key, log_var=-2.0 + 2 * np.log(1e-3))
    assert_same(ours, numbers(name, codes, grid, key), FIELDS_IN_UNITS)


@pytest.mark.parametrize("name", names(IN_UNITS | COMPARES_CODES))
def test_each_code_elsewhere_in_units_of_its_own(name, codes, grid, key):
    scale = np.array([1e-3, 1.0, 1e6, 1e-9])
    moved = np.array([1e5, -3.0, 0.0, 1e-4]) + scale * codes.astype(np.float64)
    ours = numbers(name, moved, grid, key, log_var=-2.0 + 2 * np.log(scale))
    without = FIELDS_IN_UNITS | FIELDS_THAT_COMPARE
    assert_same(ours, numbers(name, codes, grid, key), without)
