import functools

import numpy as np
import pytest

from vaejax import metrics
from vaejax.metrics.split import disjoint_rows, divided, train_test_rows


@pytest.mark.parametrize(("num_points", "sizes"), [(15, (10, 5)), (2, (1, 1))])
def test_few_rows_are_divided(num_points, sizes, key):
    train, test = train_test_rows(key, num_points, 20, 10)
    assert (len(train), len(test)) == sizes
    assert not set(train) & set(test)


def test_many_rows_are_drawn_anew_for_each_set(key):
    train, test = train_test_rows(key, 30, 20, 10)
    assert (len(train), len(test)) == (20, 10)
    assert len(set(train)) < 20  # with replacement
    again, _ = train_test_rows(key, 30, 20, 10)
    np.testing.assert_array_equal(train, again)


def test_a_single_row_cannot_be_divided(key):
    with pytest.raises(ValueError, match="codes: expected at least 2 points"):
        disjoint_rows(key, 1, 1, 0)


@pytest.mark.parametrize(
    ("num_points", "sizes"), [(100, (20, 10)), (30, (20, 10)), (15, (10, 5)), (2, (1, 1))]
)
def test_rows_that_do_not_suffice_are_shared_in_proportion(num_points, sizes):
    assert divided(num_points, 20, 10) == sizes


SIZES = {"num_train": 700, "num_test": 300}


@pytest.mark.parametrize(
    ("metric", "draw"),
    [
        (functools.partial(metrics.sap, **SIZES), train_test_rows),
        (functools.partial(metrics.dci, predictor="lasso", **SIZES), train_test_rows),
        (functools.partial(metrics.modularity_explicitness, **SIZES), train_test_rows),
        (
            functools.partial(metrics.downstream_accuracy, num_labels=(30, 700), num_test=300),
            disjoint_rows,
        ),
    ],
    ids=lambda value: getattr(value, "func", value).__name__,
)
def test_given_rows_stand_for_drawn_ones(metric, draw, entangled, grid, key):
    drawn = metric(entangled, grid, rng=key)
    rows = draw(key, len(grid), 700, 300)
    given = metric(entangled, grid, rng=key, rows=rows)
    for name, value in drawn.items():
        np.testing.assert_array_equal(given[name], value)
    swapped = metric(entangled, grid, rng=key, rows=rows[::-1])
    assert any(np.any(swapped[name] != value) for name, value in drawn.items())
