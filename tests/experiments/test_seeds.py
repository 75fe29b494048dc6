"""Numbers of several seeds."""

import math

import pytest

from experiments.seeds import interval_text, paired_gap


def test_a_gap_is_of_the_seeds_that_both_have():
    gap = paired_gap({0: 3.0, 1: 5.0, 2: 7.0, 4: 0.0}, {0: 2.0, 1: 3.0, 2: 4.0, 3: 9.0})
    half = 4.302653 / 3**0.5  # Student's t of two degrees of freedom, standard deviation 1
    assert gap is not None
    assert gap[:2] == (2.0, 1.0)
    assert gap[2:] == pytest.approx((2.0 - half, 2.0 + half), rel=1e-5)


def test_without_a_pair_there_is_no_gap():
    assert paired_gap({0: 1.0}, {1: 1.0}) is None


def test_a_single_pair_has_no_interval():
    gap = paired_gap({0: 3.0}, {0: 1.0})
    assert gap is not None and gap.value == 2.0
    assert interval_text(gap.low, gap.high) == ""
    assert interval_text(-1.0, 2.5, 1) == " [-1.0, 2.5]"
    assert math.isnan(gap.low)
