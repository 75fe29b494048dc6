"""Directions of attributes are differences of means, of codes of any shape."""

import numpy as np
import pytest

from vaejax.metrics.attribute_directions import attribute_directions


def test_a_direction_is_what_an_attribute_adds():
    draws = np.random.default_rng(0)
    attributes = draws.permutation(np.repeat([[0, 0], [0, 1], [1, 0], [1, 1]], 50, axis=0))
    effects = draws.normal(size=(2, 2, 2, 3))
    codes = 0.3 + np.tensordot(attributes, effects, axes=1)  # every pair equally often
    found = attribute_directions(codes, attributes)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, effects, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        (np.zeros((4,)), r"expected \[4, A\], got \(4,\)"),
        (np.eye(3), r"expected \[4, A\], got \(3, 3\)"),
        (np.full((4, 1), 0.5), "expected 0 and 1, got 0.5 .. 0.5"),
        ([[0, 1], [1, 1], [0, 1], [1, 1]], r"with and without each, got the same in all: \[1\]"),
        ([[0], [0], [0], [0]], r"got the same in all: \[0\]"),
    ],
)
def test_what_is_no_attribute_is_refused(attributes, message):
    with pytest.raises(ValueError, match=f"attributes: expected .*{message}|attributes: {message}"):
        attribute_directions(np.zeros((4, 2)), attributes)
