"""How often intervals hold the expected score of fresh images, by the function evaluations call.

    OMP_NUM_THREADS=1 python -m pytest -m slow -s tests/metrics/test_coverage.py

Images have three factors; codes are mixtures of them with noise, so that no score is near 0 or 1.
The truth is the mean score of many tables of the same size. A line per score is printed: it is the
table in docs/results.md. A share of 200 intervals has a standard error of 0.015, of 1,000 of 0.007.
"""

import functools

import jax
import numpy as np
import pytest

from vaejax.metrics import METRICS
from vaejax.metrics.estimates import estimates
from vaejax.metrics.table import Table

SIZES = np.array((3, 6, 10))
MIXING = np.eye(3, 5) + 0.35 * np.random.default_rng(5).normal(size=(3, 5))
NUM_REPEATS = 5  # as in the configurations
GIVEN, FRESH = 5_000, 10**6  # first seeds of tables with intervals, and of others for the truth


def table_of(seed, num_images):
    """The codes and factors of random images."""
    rng = np.random.default_rng(seed)
    factors = rng.integers(SIZES, size=(num_images, 3)).astype(np.int32)
    scaled = (factors - (SIZES - 1) / 2) / np.sqrt((SIZES**2 - 1) / 12)
    codes = scaled @ MIXING + 0.5 * rng.normal(size=(num_images, 5))
    codes = codes.astype(np.float32)
    return Table(codes, np.full_like(codes, -2.0), factors)


def coverage(metric, names, *, num_tables, num_images, num_points):
    """The share of intervals that hold the truth, of every score; and one printed line each."""

    def scores(seed, num_repeats):
        table, rng = table_of(seed, num_images), jax.random.key(seed)
        return estimates(metric, table, rng, num_points=num_points, num_repeats=num_repeats)

    given = [scores(GIVEN + seed, NUM_REPEATS) for seed in range(num_tables)]
    fresh = [scores(FRESH + seed, 1) for seed in range(num_tables)]
    shares = {}
    for name in names:
        values, _, low, high = np.array([found[name] for found in given]).T
        truth = np.mean([*values, *(found[name].value for found in fresh)])
        shares[name] = np.mean((low <= truth) & (truth <= high))
        how = "halves" if num_images < NUM_REPEATS * num_points else "5 tables"
        print(
            f"\n| {name} | {num_tables:,} | {num_points:,}, {how} of {num_images:,} | {truth:.3f} "
            f"| {shares[name]:.3f} | {(high - low).mean():.3f} |",
            end="",
        )
    return shares


@pytest.mark.slow
@pytest.mark.parametrize(("num_images", "num_points"), [(4_000, 4_000), (5_000, 1_000)])
def test_mig(num_images, num_points):
    sizes = {"num_tables": 1_000, "num_images": num_images, "num_points": num_points}
    assert 0.93 <= coverage(METRICS["mig"], ["mig"], **sizes)["mig"] <= 0.97


VOTES = {"num_train": 500, "num_eval": 500, "batch_size": 16}
ROWS = {"num_train": 2_000, "num_test": 1_000}
LABELS = {"num_labels": (100, 2_000), "num_test": 1_000}
DCI = ("disentanglement", "completeness", "informativeness_test")
CLASSIFIERS = {
    "beta_vae_score": (VOTES, ["beta_vae_score"]),
    "factor_vae_score": (VOTES, ["factor_vae_score"]),
    "sap": (ROWS, ["sap"]),
    "dci": ({"predictor": "lasso", **ROWS}, DCI),
    "modularity_explicitness": (ROWS, ["modularity", "explicitness"]),
    "downstream_accuracy": (LABELS, ["downstream_accuracy/100", "downstream_accuracy/2000"]),
}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*points; scores of fewer")
@pytest.mark.parametrize(
    ("classifier", "num_images"),
    [(name, 3_000) for name in CLASSIFIERS]
    + [(name, 15_000) for name in ("beta_vae_score", "sap")],
)
def test_scores_of_classifiers(classifier, num_images):
    settings, names = CLASSIFIERS[classifier]
    metric = METRICS[classifier]
    metric = metric._replace(function=functools.partial(metric.function, **settings))
    sizes = {"num_tables": 200, "num_images": num_images, "num_points": 3_000}
    shares = coverage(metric, names, **sizes)
    assert all(0.91 <= share <= 0.98 for share in shares.values()), shares
