"""Two correlated Gaussian numbers as a data set."""

import numpy as np
import pytest
import scipy.stats

from vaejax.data import gaussian_pair


def points(source):
    return np.asarray(source.images(np.arange(len(source)))).reshape(-1, 2).astype(np.float64)


@pytest.mark.parametrize("correlation", [0.0, 0.9, -0.5])
def test_moments_are_exactly_those_of_the_law(correlation):
    for split, source in gaussian_pair(correlation, num_examples=1_000).items():
        x = points(source)
        np.testing.assert_allclose(x.mean(0), 0, atol=1e-6)
        expected = [[1, correlation], [correlation, 1]]
        np.testing.assert_allclose(x.T @ x / len(x), expected, atol=1e-5)
        law = scipy.stats.multivariate_normal([0, 0], expected)
        assert -law.logpdf(x).mean() == pytest.approx(law.entropy(), abs=1e-5), split


def test_points_are_normal():
    x = points(gaussian_pair(0.0, num_examples=5_000)["train"])
    assert all(scipy.stats.kstest(column, "norm").pvalue > 0.01 for column in x.T)


def test_splits_are_of_other_points_and_the_same_every_time():
    first, again = gaussian_pair(0.5, num_examples=50), gaussian_pair(0.5, num_examples=50)
    np.testing.assert_array_equal(points(first["train"]), points(again["train"]))
    assert not np.isclose(points(first["train"]), points(first["test"])).any()


def test_it_is_an_image_of_two_channels_beyond_the_unit_interval():
    source = gaussian_pair(0.5, num_examples=100)["train"]
    batch = source.batch(np.array([3, 1]))
    assert batch["image"].shape == (2, 1, 1, 2) and batch["image"].dtype == np.float32
    assert not source.in_unit_interval and points(source).min() < 0
    np.testing.assert_array_equal(batch["index"], [3, 1])
    pictures = np.asarray(source.pictures(batch["image"]))
    np.testing.assert_allclose(pictures, scipy.stats.norm.cdf(batch["image"]), rtol=1e-5)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"correlation": 1.0}, r"correlation: expected a number in \(-1, 1\), got 1.0"),
        ({"num_examples": 2}, "num_examples: expected at least 3, got 2"),
    ],
)
def test_impossible_settings_are_refused(kwargs, message):
    with pytest.raises(ValueError, match=message):
        gaussian_pair(**kwargs)
