"""The protocol, subsets, and the split of data sets that have none."""

import jax
import numpy as np
import pytest

from vaejax.data.arrays import ArraySource
from vaejax.data.source import Source, Subset, example_keys, holdout


def numbered(num_examples):
    """Images whose only pixel is 255 less their index, and one factor that is its double."""
    images = 255 - np.arange(num_examples, dtype=np.uint8).reshape(-1, 1, 1, 1)
    doubled = 2 * np.arange(num_examples)[:, None]
    return ArraySource(images, factors=doubled, factor_names=("double",), factor_sizes=(500,))


def indices_of(source):
    pixels = np.asarray(source.images(np.arange(len(source)))).ravel()
    return 255 - np.rint(pixels * 255).astype(int)


def test_no_factors_says_so():
    with pytest.raises(ValueError, match="factors: Source has no"):
        Source().factors(np.arange(3))


def test_subset_maps_images_and_factors():
    subset = Subset(numbered(50), np.array([40, 7, 7]))
    assert len(subset) == 3
    assert subset.image_shape == (1, 1, 1)
    assert (subset.factor_names, subset.factor_sizes) == (("double",), (500,))
    np.testing.assert_array_equal(indices_of(subset), [40, 7, 7])
    np.testing.assert_array_equal(subset.factors(np.array([2, 0])), [[14], [80]])
    np.testing.assert_array_equal(indices_of(Subset(subset, np.array([1]))), [7])


@pytest.mark.parametrize("indices", [[-1], [50], [0.5], [[0]]])
def test_subset_refuses(indices):
    with pytest.raises(ValueError, match=r"^indices: expected"):
        Subset(numbered(50), np.array(indices))


def test_holdout_is_a_fixed_partition():
    splits = holdout(numbered(205))
    train, test = indices_of(splits["train"]), indices_of(splits["test"])
    assert (len(train), len(test)) == (185, 20)
    np.testing.assert_array_equal(np.sort(np.concatenate([train, test])), np.arange(205))
    assert np.all(np.diff(train) > 0)
    assert np.all(np.diff(test) > 0)
    np.testing.assert_array_equal(test[:5], [7, 17, 24, 27, 33])  # results hang on it
    with pytest.raises(ValueError, match=r"^source: expected at least 2"):
        holdout(numbered(1))


def test_pictures_are_clipped():
    np.testing.assert_array_equal(Source().pictures(np.array([-1.0, 0.5, 2.0])), [0, 0.5, 1])


def test_example_keys_depend_on_key_and_index_only(rng):
    keys = jax.random.key_data(example_keys(rng, np.array([3, 9, 3])))
    assert np.array_equal(keys[0], keys[2])
    assert not np.array_equal(keys[0], keys[1])
    others = jax.random.key_data(example_keys(jax.random.key(1), np.array([3, 9, 3])))
    assert not np.array_equal(keys, others)
