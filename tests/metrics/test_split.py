import functools

import numpy as np
import pytest

from vaejax import metrics
from vaejax.metrics.split import disjoint_rows, published_rows, train_test_rows


@pytest.mark.parametrize(
    ("num_points", "sizes"), [(1000, (20, 10)), (30, (20, 10)), (15, (10, 5)), (2, (1, 1))]
)
def test_no_row_is_in_both_sets_or_twice_in_one(num_points, sizes, key):
    train, test = train_test_rows(key, num_points, 20, 10)
    assert (len(train), len(test)) == sizes
    assert len({*train, *test}) == sum(sizes)
    again, _ = train_test_rows(key, num_points, 20, 10)
    np.testing.assert_array_equal(train, again)


def test_published_rows_repeat(key):
    train, test = published_rows(key, 30, 20, 10)
    assert (len(train), len(test)) == (20, 10)
    assert len(set(train)) < 20 and set(train) & set(test)
    assert max(*train, *test) < 30


def test_a_single_row_cannot_be_divided(key):
    with pytest.raises(ValueError, match="codes: expected at least 2 points"):
        disjoint_rows(key, 1, 1, 0)


SIZES = {"num_train": 700, "num_test": 300}


@pytest.mark.parametrize(
    "metric",
    [
        functools.partial(metrics.sap, **SIZES),
        functools.partial(metrics.dci, predictor="lasso", **SIZES),
        functools.partial(metrics.modularity_explicitness, **SIZES),
        functools.partial(metrics.downstream_accuracy, num_labels=(30, 700), num_test=300),
    ],
    ids=lambda metric: metric.func.__name__,
)
def test_given_rows_stand_for_drawn_ones(metric, entangled, grid, key):
    drawn = metric(entangled, grid, rng=key)
    rows = train_test_rows(key, len(grid), 700, 300)
    given = metric(entangled, grid, rng=key, rows=rows)
    for name, value in drawn.items():
        np.testing.assert_array_equal(given[name], value)
    swapped = metric(entangled, grid, rng=key, rows=rows[::-1])
    assert any(np.any(swapped[name] != value) for name, value in drawn.items())
