import numpy as np
import pytest

from vaejax.metrics.split import disjoint_rows, train_test_rows


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
