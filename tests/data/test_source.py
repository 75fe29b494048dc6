"""The protocol, subsets, and the split of data sets that have none."""

import numpy as np
import pytest

from tests.leaves.bars import Bars
from vaejax.data.arrays import ArraySource
from vaejax.data.source import Source, Subset, Unseen, complete, holdout, with_validation


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


def test_a_batch_holds_all_that_is_known(rng):
    """Factors, the place in the subset (not in what it is of) and in the batch, and more."""
    subset = Subset(numbered(50), np.array([40, 7, 7]))
    batch = subset.batch(np.array([2, 0]))
    assert set(batch) == {"image", "factors", "index", "position"}
    np.testing.assert_array_equal(batch["index"], [2, 0])
    np.testing.assert_array_equal(batch["position"], [0, 1])
    np.testing.assert_array_equal(batch["factors"], [[14], [80]])
    raw, places = subset.fetch(np.array([2, 0])), {"position": np.array([5, 6])}
    more = complete(subset, raw, rng, np.array([2, 0]), mask=np.ones(2), **places)
    np.testing.assert_array_equal(more["position"], [5, 6])
    np.testing.assert_array_equal(more["mask"], [1, 1])


def test_an_abstract_batch_is_of_the_shapes_of_a_real_one():
    for source in (Bars(), ArraySource(np.full((5, 4, 4, 3), 200, np.uint8))):
        real, abstract = source.batch(np.zeros(16, int)), source.abstract_batch(16)
        assert {name: (x.shape, x.dtype) for name, x in abstract.items()} == {
            name: (x.shape, x.dtype) for name, x in real.items()
        }


def test_without_images_at_hand_the_shapes_are_the_same():
    real, unseen = Bars().abstract_batch(4), Unseen((8, 8, 1), num_labels=8).abstract_batch(4)
    assert {name: (real[name].shape, real[name].dtype) for name in unseen} == {
        name: (x.shape, x.dtype) for name, x in unseen.items()
    }


def test_facts_are_found_when_they_are_asked_for(monkeypatch):
    source = ArraySource(np.full((3, 1, 2, 1), 204, np.uint8), labels=np.array([0, 2, 1]))
    facts = dict(source.facts())
    assert facts.pop("pixel_means") == pytest.approx([0.8, 0.8])
    assert facts == {"image_shape": (1, 2, 1), "num_labels": 3, "num_examples": 3}
    assert dict(Unseen((4, 4, 1)).facts()) == {"image_shape": (4, 4, 1)}

    def looked_at(self):
        raise AssertionError

    monkeypatch.setattr(Source, "pixel_means", looked_at)
    lazy = source.facts()
    assert (lazy["num_examples"], len(lazy), "pixel_means" in [*lazy]) == (3, 4, True)
    with pytest.raises(AssertionError):
        lazy["pixel_means"]


def test_validation_is_the_last_of_train():
    splits = with_validation({"train": numbered(10), "test": numbered(4)}, 3)
    assert {name: indices_of(source).tolist() for name, source in splits.items()} == {
        "train": [0, 1, 2, 3, 4, 5, 6],
        "test": [0, 1, 2, 3],
        "validation": [7, 8, 9],
    }
    for number in (0, 10):
        with pytest.raises(ValueError, match="num_validation: expected at least 1 and less than"):
            with_validation({"train": numbered(10)}, number)
