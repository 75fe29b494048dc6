"""Factors of any numbers become levels, and no two values become one."""

import numpy as np
import pytest

from vaejax.data.arrays import ArraySource
from vaejax.data.factor_levels import factor_levels

RNG = np.random.default_rng(0)


def levels(*columns, sizes=()):
    names = tuple("abc"[: len(columns)])
    return factor_levels(np.stack(columns, axis=1), names, sizes, len(columns[0]))


def test_integers_are_levels_as_they_are():
    found, sizes = levels(np.array([0, 3, 1, 3]), np.array([2, 2, 0, 0]))
    np.testing.assert_array_equal(found, [[0, 2], [3, 2], [1, 0], [3, 0]])
    assert (found.dtype, sizes) == (np.int32, (4, 3))
    assert levels(np.array([0, 3, 1]), sizes=(10,))[1] == (10,)


def test_floats_are_levels_by_their_values():
    values = RNG.permutation(np.repeat(np.linspace(0, 0.9, 40), 3))
    found, sizes = levels(values)
    assert sizes == (40,)
    np.testing.assert_array_equal(np.linspace(0, 0.9, 40)[found[:, 0]], values)


def test_values_that_differ_in_the_last_digit_stay_apart():
    values = np.array([0.1, np.nextafter(0.1, 1), 0.1, 7.0])
    assert levels(values)[0][:, 0].tolist() == [0, 1, 0, 2]


def test_whole_floats_are_the_integers_they_are():
    assert levels(np.array([0.0, 2.0, 2.0]))[0][:, 0].tolist() == [0, 2, 2]


def test_each_factor_for_itself():
    found, sizes = levels(np.array([0.0, 2.0, 2.0, 0.0]), np.array([-0.5, 0.5, -0.5, 0.25]))
    np.testing.assert_array_equal(found.T, [[0, 2, 2, 0], [0, 2, 0, 1]])
    assert sizes == (3, 3)


@pytest.mark.parametrize(
    "values",
    [
        np.array([-1, 5, -1]),
        np.array([2**40, 2**40 + 1, 2**40]),
        np.array([2**63, 2**63 + 1, 2**63], np.uint64),
        np.array([1e30, 2e30, 1e30]),
    ],
)
def test_numbers_that_are_no_int32_from_0_are_not_cut(values):
    found, sizes = levels(values)
    assert found[:, 0].tolist() == [0, 1, 0]
    assert sizes == (2,)


def test_booleans():
    assert levels(np.array([True, False]))[0][:, 0].tolist() == [1, 0]


def test_sizes_have_to_agree_with_the_number_of_values():
    assert levels(np.array([0.5, 1.5, 0.5]), sizes=(2,))[1] == (2,)
    with pytest.raises(ValueError, match=r"^factor_sizes: expected 2 for 'a', .* got 3"):
        levels(np.array([0.5, 1.5, 0.5]), sizes=(3,))
    with pytest.raises(ValueError, match=r"^factor_sizes: expected 1 numbers, got 2"):
        levels(np.array([0, 1]), sizes=(2, 3))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_no_number_has_no_level(bad):
    values = np.array([0.5, 1.0, bad, 0.5])
    with pytest.raises(ValueError, match=rf"^factors: .* got {bad} for 'b' of image 2$"):
        levels(np.zeros(4), values)


def test_more_levels_than_the_size_says_are_refused():
    with pytest.raises(ValueError, match=r"^factor_sizes: expected at least 4 for 'a', .* got 2"):
        factor_levels(np.arange(40)[:, None] % 4, ("a",), (2,), 40)
    _, sizes = factor_levels(np.arange(40)[:, None] % 4, ("a",), (5,), 40)  # one does not occur
    assert sizes == (5,)


def test_a_factor_that_never_repeats_is_told():
    with pytest.warns(UserWarning, match=r"'a' .*of the 50 images; .* vaejax.metrics.discretise"):
        assert levels(RNG.random(50))[1] == (50,)


@pytest.mark.parametrize("kind", ["U4", object, complex, "M8[s]"])
def test_other_kinds_are_refused(kind):
    values = np.array(["1", "2"]) if kind == "U4" else np.zeros(2, kind)
    with pytest.raises(ValueError, match=r"^factors: expected numbers, got .*np.unique\(column"):
        levels(values)


def test_shapes():
    with pytest.raises(ValueError, match=r"^factors: expected shape \(4, 1\), got \(3, 1\)"):
        factor_levels(np.zeros((3, 1)), ("a",), (), 4)
    with pytest.raises(ValueError, match=r"^factors: expected shape \(4, 2\), got \(4,\)"):
        factor_levels(np.zeros(4), ("a", "b"), (), 4)


def test_a_source_has_the_levels():
    hues = np.repeat(np.linspace(0, 0.9, 20), 2)[:, None]
    source = ArraySource(np.ones((40, 8, 8), np.float32), factors=hues, factor_names=("hue",))
    found = source.factors(np.arange(40))
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found[:, 0], np.repeat(np.arange(20), 2))
    assert (source.factor_names, source.factor_sizes) == (("hue",), (20,))
