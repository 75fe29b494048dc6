import numpy as np
import pytest

from vaejax.metrics import bootstrap_interval


def test_interval_is_that_of_the_normal_approximation(key):
    values = np.random.default_rng(0).normal(size=400)
    low, high = bootstrap_interval(values, rng=key)
    error = 1.96 * values.std() / 20
    np.testing.assert_allclose([low, high], values.mean() + np.array([-error, error]), atol=0.02)


def test_a_single_score_is_its_own_interval(key):
    assert bootstrap_interval([0.5], rng=key) == (0.5, 0.5)


@pytest.mark.parametrize("kwargs", [{"values": []}, {"values": [1.0], "level": 1.0}])
def test_impossible_arguments_are_refused(kwargs, key):
    with pytest.raises(ValueError, match="expected"):
        bootstrap_interval(**kwargs, rng=key)
