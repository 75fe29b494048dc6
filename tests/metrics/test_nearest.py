"""The nearest of many are those that comparing everything with everything finds."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from vaejax.metrics.nearest import nearest


@pytest.mark.parametrize("size", [1, 7, 40])
def test_the_nearest_are_those_of_all_distances(size):
    draws = np.random.default_rng(0)
    many, some = draws.normal(size=(40, 2, 3)), draws.normal(size=(5, 2, 3))
    distances = cdist(some.reshape(5, -1), many.reshape(40, -1))
    found = nearest(some, (many[i : i + size] for i in range(0, 40, size)), num_nearest=3)
    np.testing.assert_array_equal(found.places, np.argsort(distances, axis=1)[:, :3])
    np.testing.assert_allclose(found.distances, np.sort(distances, axis=1)[:, :3])


def test_copies_are_at_distance_nothing_and_the_first_of_them_counts():
    images = np.random.default_rng(0).random((6, 64, 64, 3)).astype(np.float32)
    found = nearest(images[2:3], [images[:3], images[2:]], num_nearest=9)
    assert found.places.shape == (1, 7) and found.places[0, :2].tolist() == [2, 3]
    assert (found.distances[0, :2] < 1e-5).all() and found.distances[0, 2] > 10


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(ValueError, match=r"parts: expected \[n, \*\(3,\)\], got \(2, 4\)"):
        nearest(np.zeros((1, 3)), [np.zeros((2, 4))])
    with pytest.raises(ValueError, match="num_nearest: expected at least 1"):
        nearest(np.zeros((1, 3)), [np.zeros((2, 3))], num_nearest=0)
