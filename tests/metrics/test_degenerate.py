"""Every metric on every degenerate input: finite numbers, or one sentence that names the argument.

Never NaN, never another exception, and no warning of NumPy's on the way.
"""

import functools
import inspect
import re
import warnings

import jax.numpy as jnp
import numpy as np
import pytest

from vaejax import metrics

ROWS = {"num_train": 300, "num_test": 100}
VOTES = {"num_train": 300, "num_eval": 200, "batch_size": 8}
METRICS = {
    "active_units": metrics.active_units,
    "beta_vae_score": functools.partial(metrics.beta_vae_score, **VOTES),
    "beta_vae_score_ovr": functools.partial(
        metrics.beta_vae_score, **VOTES, classifier="one_vs_rest"
    ),
    "correlation_ratio": metrics.correlation_ratio,
    "dci_lasso": functools.partial(metrics.dci, predictor="lasso"),
    "dci_trees": functools.partial(metrics.dci, num_train=60, num_test=30),
    "density_mig": functools.partial(metrics.density_mig, num_samples=40),
    "density_mig_drawn": functools.partial(metrics.density_mig, num_samples=40, num_points=300),
    "downstream_accuracy": functools.partial(metrics.downstream_accuracy, num_labels=(1, 10, 500)),
    "factor_vae_score": functools.partial(metrics.factor_vae_score, **VOTES),
    "factor_vae_score_all": functools.partial(metrics.factor_vae_score, **VOTES, min_std=0.0),
    "frobenius_distance": metrics.frobenius_distance,
    "infomec": metrics.infomec,
    "infomec_iqr": functools.partial(metrics.infomec, num_points=300, prune="iqr"),
    "irs": metrics.irs,
    "mig": metrics.mig,
    "modularity_explicitness": metrics.modularity_explicitness,
    "modularity_explicitness_drawn": functools.partial(metrics.modularity_explicitness, **ROWS),
    "sap": functools.partial(metrics.sap, **ROWS),
    "sap_continuous": functools.partial(metrics.sap, **ROWS, continuous=True),
    "unsupervised_scores": metrics.unsupervised_scores,
}
TREES = pytest.param("dci_trees", marks=pytest.mark.slow)
NAMES = [name if name != "dci_trees" else TREES for name in METRICS]
UNBOUNDED = {"active_units", "frobenius_distance", "unsupervised_scores"}  # not in [0, 1]
UNBOUNDED_FIELDS = {"num_active", "downstream_efficiency"}


def at(table, place, value):
    """A copy with one entry, or a part, replaced."""
    table = np.array(table)
    table[place] = value
    return table


CODES = {
    "constant": lambda z: np.full_like(z, 0.1),
    "constant_float64": lambda z: np.full(z.shape, 0.1),
    "one_dead": lambda z: z * np.array([1, 0, 1], np.float32),
    "varies_in_one_row": lambda z: at(at(z, (slice(None), 1), 0.3), (7, 1), 2.0),
    "copies": lambda z: np.tile(z[:, :1], (1, 3)),
    "large_copies": lambda z: 1e4 * np.tile(z[:, :1], (1, 3)),
    "large": lambda z: 1e4 * z,
    "largest": lambda z: z * np.float32(1e15 / np.abs(z).max()),
    "too_large": lambda z: 1e30 * z,
    "beyond_float32": lambda z: 1e200 * z.astype(np.float64),
    "small": lambda z: 1e-6 * z,
    "tiny": lambda z: 1e-30 * z,
    "subnormal": lambda z: 1e-42 * z.astype(np.float64),
    "beyond_small": lambda z: 1e-200 * z.astype(np.float64),
    "unequal": lambda z: z * np.array([1e-6, 1.0, 1e6], np.float32),
    "offset": lambda z: z + np.float32(1e5),
    "offset_small": lambda z: 1e5 + 1e-3 * z.astype(np.float64),
    "outlier": lambda z: at(z, (3, 1), 1e6),
    "noise_on_dead": lambda z: z * np.array([1, 1e-20, 1], np.float32),
    "half": lambda z: z.astype(np.float16),
    "brain_half": lambda z: np.asarray(jnp.asarray(z, jnp.bfloat16)),
    "long_double": lambda z: z.astype(np.longdouble),
    "integers": lambda z: np.rint(3 * z).astype(np.int64),
    "bytes": lambda z: np.rint(3 * z).astype(np.uint8),
    "booleans": lambda z: z > 0.7,
    "complex": lambda z: z.astype(np.complex64),
    "texts": lambda z: z.astype(str),
    "nan": lambda z: at(z, (5, 1), np.nan),
    "infinite": lambda z: at(z, (5, 1), -np.inf),
    "flat": lambda z: z[:, 0],
    "no_codes": lambda z: z[:, :0],
    "more_codes": lambda z: np.tile(z, (1, 3)),
    "one_code": lambda z: z[:, :1],
    "two_codes": lambda z: z[:, :2],
}
FACTORS = {
    "one_constant": lambda v: at(v, (slice(None), 1), 4),
    "rare_once": lambda v: at(at(v, (slice(None), 1), 0), (11, 1), 1),
    "rare_twice": lambda v: at(at(v, (slice(None), 1), 0), ([11, 500], 1), 1),
    "rare_in_ten": lambda v: at(at(v, (slice(None), 1), 0), (slice(0, 1080, 108), 1), 1),
    "all_rare_once": lambda v: at(0 * v, np.arange(3), 1),
    "all_rare_thrice": lambda v: at(0 * v, (np.arange(3), slice(None)), 1),
    "one_lone_value": lambda v: at(v, (20, 0), 9),
    "never_repeats": lambda v: at(v, (slice(None), 2), np.arange(len(v))[::-1]),
    "none_repeats": lambda v: np.arange(v.size).reshape(v.shape),
    "hardly_repeats": lambda v: at(v, (slice(None), 2), np.arange(len(v)) // 2 * 2 % 700),
    "one_repeats": lambda v: at(v, (slice(2, None), 2), np.arange(7, 5 + len(v))),
    "many_values": lambda v: at(v, (slice(None), 2), np.arange(len(v)) % 300),
    "equal": lambda v: np.tile(v[:, :1], (1, 3)),
    "bytes_that_wrap": lambda v: (60 * v - 100).astype(np.int8),
    "negative": lambda v: v * [5, -2, 11] - 3,
    "huge": lambda v: v.astype(np.int64) * 2**40 - 2**61,
    "unsigned": lambda v: np.uint64(2**64 - 5) + v.astype(np.uint64),
    "booleans": lambda v: v > 0,
    "floats_of_few_values": lambda v: v / 5,
    "floats": lambda v: v + np.random.default_rng(0).random(v.shape),
    "nan": lambda v: at(v.astype(float), (4, 2), np.nan),
    "texts": lambda v: v.astype(str),
    "one_factor": lambda v: v[:, :1],
    "flat": lambda v: v[:, 0],
    "no_factors": lambda v: v[:, :0],
    "too_short": lambda v: v[:-1],
}
LOG_VARS = {
    "narrow": lambda z: np.full_like(z, -400.0),
    "wide": lambda z: np.full_like(z, 400.0),
    "both": lambda z: np.where(np.arange(len(z))[:, None] % 2, 400.0, -400.0) + 0 * z,
    "one_wide": lambda z: at(-1 + 0 * z, (3, 1), 400.0),
    "too_wide": lambda z: np.full(z.shape, 1e4),
    "half": lambda z: np.full_like(z, -20.0, np.float16),
    "nan": lambda z: at(0 * z, (2, 1), np.nan),
    "dead": lambda z: 0 * z,
}
FEW = (0, 1, 2, 3, 4, 6, 10, 30)  # points


def outcome(metric, codes, factors, key, log_vars=None):
    """The metric's numbers by name, or the sentence by which it refuses its input."""
    if metric is METRICS["dci_trees"]:
        pytest.importorskip("sklearn", reason="needs the extra `metrics`")
    if log_vars is None:
        log_vars = np.full(np.shape(codes), -1.0, np.float32)
    given = {"codes": codes, "means": codes, "log_vars": log_vars, "factors": factors, "rng": key}
    given["kls"] = np.ones(np.shape(codes))
    wanted = inspect.signature(metric).parameters
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            return metric(**{name: value for name, value in given.items() if name in wanted})
        except ValueError as error:
            return str(error)


def assert_defined(name, found):
    if isinstance(found, str):
        assert re.match(r"(codes|means|log_vars|factors|num_\w+): expected", found), found
        return
    for field, value in found.items():
        assert np.isfinite(value).all(), (field, value)
        if np.ndim(value) == 0 and name not in UNBOUNDED and field not in UNBOUNDED_FIELDS:
            assert -1e-6 <= value <= 1 + 1e-6, (field, value)


@pytest.mark.parametrize("table", CODES)
@pytest.mark.parametrize("name", NAMES)
def test_codes(name, table, perfect, grid, key):
    assert_defined(name, outcome(METRICS[name], CODES[table](perfect), grid, key))


@pytest.mark.parametrize("table", FACTORS)
@pytest.mark.parametrize("name", NAMES)
def test_factors(name, table, perfect, grid, key):
    assert_defined(name, outcome(METRICS[name], perfect, FACTORS[table](grid), key))


@pytest.mark.parametrize("table", LOG_VARS)
@pytest.mark.parametrize("name", ["density_mig", "frobenius_distance"])
def test_log_vars(name, table, perfect, grid, key):
    assert_defined(name, outcome(METRICS[name], perfect, grid, key, LOG_VARS[table](perfect)))


@pytest.mark.parametrize("num_points", FEW)
@pytest.mark.parametrize("name", NAMES)
def test_few_points(name, num_points, useless, grid, key):
    rows = np.random.default_rng(num_points).permutation(len(grid))[:num_points]
    assert_defined(name, outcome(METRICS[name], useless[rows], grid[rows], key))
