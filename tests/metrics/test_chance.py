"""The permutation test's level is what it says, and what is told is found."""

import numpy as np
import pytest
import scipy.stats

from vaejax.metrics.chance import LEVEL, better_than_guessing


@pytest.mark.parametrize("num_points", [12, 300])
def test_useless_predictions_pass_as_seldom_as_stated(num_points):
    """20,000 noises against a skewed factor of three values, one test each."""
    rng = np.random.default_rng(0)
    factor = rng.choice(3, num_points, p=[0.6, 0.3, 0.1])
    noise = rng.normal(size=(20_000, num_points))
    noise, factor = (x - x.mean(-1, keepdims=True) for x in (noise, factor))
    r = noise @ factor / np.sqrt((noise**2).sum(1) * (factor**2).sum())
    passed = np.mean([better_than_guessing(r[i : i + 1], num_points)[0] for i in range(len(r))])
    assert 0.2 * LEVEL < passed < 2.5 * LEVEL


def test_the_threshold_is_student_s(useless, grid):
    for r, n in ((0.2, 300), (0.05, 4000), (0.99, 5)):
        p = scipy.stats.t.sf(r * np.sqrt((n - 2) / (1 - r**2)), n - 2)
        assert bool(better_than_guessing(np.array([r]), n)[0]) == (p < LEVEL)
        assert bool(better_than_guessing(np.full(8, r), n)[0]) == (p < LEVEL / 8)


def test_of_two_points_nothing_can_be_told():
    assert not better_than_guessing(np.ones(2), 2).any()
