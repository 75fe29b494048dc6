"""How often intervals hold the expected score of fresh images, by the function evaluations call.

    python -m pytest -m slow -s tests/evaluators/test_coverage.py

Images have three factors; codes are mixtures of them with noise, so that no score is near 0 or 1.
The truth is the mean score of many tables of the same size. A line per score is printed: it is the
table in docs/results.md.
"""

import functools

import jax
import numpy as np
import pytest

from vaejax import metrics
from vaejax.evaluators.estimates import estimates
from vaejax.evaluators.tables import Table

SIZES = np.array((3, 6, 10))
MIXING = np.eye(3, 5) + 0.35 * np.random.default_rng(5).normal(size=(3, 5))
NUM_REPEATS = 5  # as in the configurations


def table_of(seed, num_images):
    """The codes and factors of random images."""
    rng = np.random.default_rng(seed)
    factors = rng.integers(SIZES, size=(num_images, 3)).astype(np.int32)
    scaled = (factors - (SIZES - 1) / 2) / np.sqrt((SIZES**2 - 1) / 12)
    codes = scaled @ MIXING + 0.5 * rng.normal(size=(num_images, 5))
    codes = codes.astype(np.float32)
    return Table(codes, np.full_like(codes, -2.0), factors)


def coverage(metric, *, num_tables, num_images, num_points):
    """By score, the share of intervals that hold the truth; and one printed line each."""

    def scores(seed, num_repeats):
        return estimates(
            metric,
            table_of(seed, num_images),
            jax.random.key(seed),
            num_points=num_points,
            num_repeats=num_repeats,
        )

    given = [scores(seed, NUM_REPEATS) for seed in range(num_tables)]
    fresh = [scores(10**6 + seed, 1) for seed in range(num_tables)]
    shares = {}
    for name in given[0]:
        values, _, low, high = np.array([found[name] for found in given]).T
        truth = np.mean([*values, *(found[name].value for found in fresh)])
        shares[name] = np.mean((low <= truth) & (truth <= high))
        print(
            f"\n| {name} | {num_tables:,} of {num_images:,} | {truth:.3f} | {shares[name]:.3f} | "
            f"{(high - low).mean():.3f} |",
            end="",
        )
    return shares


@pytest.mark.slow
@pytest.mark.parametrize(("num_images", "num_points"), [(4_000, 4_000), (5_000, 1_000)])
def test_mig(num_images, num_points):
    """Of halves of one table, and of five tables; 80 CPU seconds."""
    sizes = {"num_tables": 1_000, "num_images": num_images, "num_points": num_points}
    assert 0.93 <= coverage(metrics.mig, **sizes)["mig"] <= 0.97


ROWS = {"num_train": 2_000, "num_test": 1_000}
VOTES = {"num_train": 500, "num_eval": 500, "batch_size": 16}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*points; scores of fewer")
@pytest.mark.parametrize("num_images", [3_000, 15_000])
@pytest.mark.parametrize(
    "metric",
    [
        functools.partial(metrics.beta_vae_score, **VOTES),
        functools.partial(metrics.factor_vae_score, **VOTES),
        functools.partial(metrics.sap, **ROWS),
        functools.partial(metrics.dci, predictor="lasso", **ROWS),
        functools.partial(metrics.modularity_explicitness, **ROWS),
        functools.partial(metrics.downstream_accuracy, num_labels=(30, 2_000), num_test=1_000),
    ],
    ids=lambda metric: metric.func.__name__,
)
def test_scores_of_classifiers(metric, num_images):
    """Of halves of 3,000 images, and of five tables of them."""
    shares = coverage(metric, num_tables=200, num_images=num_images, num_points=3_000)
    assert all(0.91 <= share <= 0.98 for share in shares.values()), shares
