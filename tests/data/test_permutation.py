"""Keyed permutations."""

import numpy as np
import pytest

from vaejax.data.permutation import keyed_permutation


def test_numbers_are_those_of_philox():
    """Pinned: a run must see the same order on every machine and after every upgrade."""
    np.testing.assert_array_equal(keyed_permutation(0, 0, 8), [0, 2, 1, 5, 4, 3, 6, 7])
    np.testing.assert_array_equal(keyed_permutation(7, 3, 8), [2, 5, 7, 3, 0, 6, 4, 1])


@pytest.mark.parametrize("num_examples", [1, 2, 1000])
def test_every_number_once(num_examples):
    order = keyed_permutation(3, 5, num_examples)
    np.testing.assert_array_equal(np.sort(order), np.arange(num_examples))


def test_keys_give_unlike_orders():
    orders = {tuple(keyed_permutation(s, e, 50)) for s in range(5) for e in range(5)}
    assert len(orders) == 25


def test_uniform():
    """Over many keys each place receives each number equally often."""
    firsts = [keyed_permutation(seed, 0, 4)[0] for seed in range(2000)]
    assert np.all(np.abs(np.bincount(firsts) - 500) < 4 * np.sqrt(2000 * 3 / 16))


def test_shared_result_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        keyed_permutation(0, 0, 8)[0] = 1
