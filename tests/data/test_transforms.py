"""Flips, binarisation and standardisation."""

import jax
import numpy as np
import pytest

from vaejax.data.arrays import ArraySource
from vaejax.data.pixel_statistics import pixel_statistics
from vaejax.data.source import Subset
from vaejax.data.transforms import Binarized, Flipped, Quantized, Standardized, transformed

NUM_EXAMPLES, SHAPE = 60, (4, 5, 3)
ALL = np.arange(NUM_EXAMPLES)


@pytest.fixture(scope="module")
def pixels():
    images = np.random.default_rng(0).integers(0, 256, (NUM_EXAMPLES, *SHAPE), dtype=np.uint8)
    images[:, 0, 0, 0] = 100  # a pixel that never changes
    return images


@pytest.fixture(scope="module")
def source(pixels):
    return ArraySource(pixels)


def random_transforms(source):
    return [Flipped(source), Binarized(source, "dynamic"), Binarized(source, "fixed")]


def test_flipped_mirrors_half_of_the_images(source, rng):
    plain = np.asarray(source.images(ALL))
    mirrored = plain[:, :, ::-1]
    images = np.asarray(Flipped(source).images(ALL, rng))
    is_plain = np.all(images == plain, axis=(1, 2, 3))
    is_mirrored = np.all(images == mirrored, axis=(1, 2, 3))
    assert np.all(is_plain ^ is_mirrored)
    assert 15 < is_mirrored.sum() < 45  # 30 +- 3.9 standard deviations


@pytest.mark.parametrize("mode", ["dynamic", "fixed"])
def test_binarized_is_bernoulli_of_the_grey_value(mode):
    grey = np.repeat(np.array([0, 64, 255], np.uint8), 100)[:, None, None] * np.ones(
        (10, 10), np.uint8
    )
    images = np.asarray(Binarized(ArraySource(grey), mode).images(np.arange(300)))
    assert set(np.unique(images)) == {0.0, 1.0}
    black, dim, white = images.reshape(3, -1)
    assert black.max() == 0
    assert white.min() == 1
    probability = 64 / 255
    assert abs(dim.mean() - probability) < 4 * np.sqrt(probability * (1 - probability) / dim.size)
    pixel_means = dim.reshape(100, 100).mean(0)  # examples do not share their noise
    assert np.ptp(pixel_means) < 0.5


def test_dynamic_changes_with_the_key_and_fixed_does_not(source):
    def draws(transform):
        return [np.asarray(transform.images(ALL, jax.random.key(seed))) for seed in (1, 2)]

    for transform in (Flipped(source), Binarized(source, "dynamic")):
        first, second = draws(transform)
        assert not np.array_equal(first, second)
    first, second = draws(Binarized(source, "fixed"))
    np.testing.assert_array_equal(first, second)
    other = np.asarray(Binarized(source, "fixed", seed=1).images(ALL))
    assert not np.array_equal(first, other)


def test_randomness_belongs_to_the_example_not_to_its_row(source, rng):
    some = np.array([17, 3, 50, 3])
    for transform in random_transforms(source):
        whole = np.asarray(transform.images(ALL, rng))
        np.testing.assert_array_equal(transform.images(some, rng), whole[some])


def test_wrappers_around_wrappers_keep_their_own_indices(source):
    """A fixed draw is an example's own, through whatever subset it is reached."""
    fixed = Binarized(source, "fixed")
    some = np.array([40, 2, 31])
    through = Binarized(Subset(fixed, some), "fixed", seed=9)  # of 0 and 1: leaves them be
    np.testing.assert_array_equal(through.images(np.arange(3)), fixed.images(some))


def test_the_mean_image_of_draws_is_what_they_are_expected_to_be(source, pixels):
    """Drawn anew: the grey mean, exactly. Drawn once: the mean of these draws."""
    dynamic, fixed = (Binarized(source, mode) for mode in ("dynamic", "fixed"))
    np.testing.assert_allclose(dynamic.pixel_means(), (pixels / 255).mean(0), rtol=1e-6)
    draws = np.asarray(fixed.images(ALL))
    np.testing.assert_allclose(fixed.pixel_means(), draws.mean(0), rtol=1e-6)
    assert not np.allclose(fixed.pixel_means(), dynamic.pixel_means(), atol=0.01)


def test_standardized_train_split_and_its_inverse(source):
    splits = transformed(
        {"train": Subset(source, ALL[:50]), "test": Subset(source, ALL[50:])}, standardize=True
    )
    train = np.asarray(splits["train"].images(np.arange(50)))
    expected_std = np.ones(SHAPE)
    expected_std[0, 0, 0] = 0
    np.testing.assert_allclose(train.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(train.std(0), expected_std, atol=1e-5)
    test = splits["test"].images(np.arange(10))
    back = splits["test"].pictures(test)
    np.testing.assert_allclose(back, source.images(ALL[50:]), atol=1e-6)
    grid = splits["test"].pictures(test.reshape(2, 5, *SHAPE))  # any leading axes
    np.testing.assert_array_equal(grid.reshape(10, *SHAPE), back)


def test_standardized_log_density_note(source):
    """log p(x) = log p(standardised x) - sum log std, for a Gaussian in closed form."""
    from scipy.stats import norm

    mean, std = pixel_statistics(source)
    image = np.asarray(source.images(ALL[:1]))[0]
    standardized = np.asarray(Standardized(source, mean, std).images(ALL[:1]))[0]
    np.testing.assert_allclose(
        norm.logpdf(image, mean, std).sum(),
        norm.logpdf(standardized).sum() - np.log(std).sum(),
        rtol=1e-5,
    )


def test_transformed_flips_train_only_and_standardizes_last(source, rng):
    splits = transformed({"train": source, "test": source}, flip=True, standardize=True)
    mean, std = pixel_statistics(source)
    flipped = np.asarray(Flipped(source).images(ALL, rng))
    np.testing.assert_allclose(
        splits["train"].images(ALL, rng), (flipped - mean) / std, rtol=1e-5, atol=1e-5
    )
    np.testing.assert_allclose(
        splits["train"].pictures(splits["train"].images(ALL, rng)), flipped, atol=1e-6
    )
    np.testing.assert_allclose(
        splits["test"].images(ALL, rng),
        (np.asarray(source.images(ALL)) - mean) / std,
        rtol=1e-5,
        atol=1e-5,
    )


def test_transformed_shares_no_noise_between_splits(source):
    splits = transformed({"train": source, "test": source}, binarize="fixed")
    assert not np.array_equal(splits["train"].images(ALL), splits["test"].images(ALL))


def test_transformed_without_wishes_changes_nothing(source):
    assert transformed({"train": source}) == {"train": source}


def test_refusals(source):
    mean, std = np.zeros(SHAPE), np.ones(SHAPE)
    with pytest.raises(
        ValueError, match=r"^binarize: expected None, 'dynamic' or 'fixed', got 'x'"
    ):
        transformed({"train": source}, binarize="x")
    with pytest.raises(ValueError, match=r"^standardize: expected False with binarize="):
        transformed({"train": source}, binarize="fixed", standardize=True)
    with pytest.raises(ValueError, match=r"^mean: expected shape \(4, 5, 3\), got \(4, 5\)"):
        Standardized(source, mean[..., 0], std)
    with pytest.raises(ValueError, match=r"^std: expected positive"):
        Standardized(source, mean, 0 * std)


@pytest.mark.parametrize("bits", [5, 4, 3, 2, 1])
def test_quantized_values_are_the_official_ones(vectors, bits):
    with np.load(vectors("nvae_ref.npz")) as file:
        expected = file[f"preprocess/bits{bits}"]
    greys = ArraySource(np.arange(256, dtype=np.uint8).reshape(256, 1, 1, 1))
    images = Quantized(greys, bits).images(np.arange(256))
    np.testing.assert_allclose(np.asarray(images).ravel(), expected, rtol=1e-6)
    assert len(np.unique(images)) == 2**bits


def test_impossible_numbers_of_bits_are_refused(source):
    with pytest.raises(ValueError, match="bits: expected 1 to 8"):
        transformed({"train": source}, bits=0)


def test_bits_are_those_of_the_images(source):
    assert source.bits == 8
    for bits, changed in (
        (5, Quantized(source, 5)),
        (5, Subset(Flipped(Quantized(source, 5)), ALL)),
        (1, Binarized(source, "fixed")),
        (None, Standardized(source, np.zeros(SHAPE), np.ones(SHAPE))),
        (None, ArraySource(np.ones((2, *SHAPE), np.float32))),
    ):
        assert changed.bits == bits
        if bits is not None:
            levels = np.asarray(changed.images(ALL)) * (2**bits - 1)
            np.testing.assert_allclose(levels, np.rint(levels), atol=1e-4)


@pytest.mark.parametrize(
    ("wishes", "same"),
    [
        ({"binarize": "fixed"}, True),
        ({"binarize": "dynamic"}, True),
        ({"bits": 3}, True),
        ({"standardize": True}, True),
        ({"bits": 3, "standardize": True}, True),
        ({"flip": True}, False),  # which adds variety, and is nothing a model has to see
    ],
)
def test_other_images_are_prepared_alike(source, pixels, wishes, same):
    """The images themselves, as others: what comes is what the data set gives of them."""
    whole = transformed({"train": source}, **wishes)["train"]
    others = whole.alike(ArraySource(np.array(pixels), labels=np.arange(len(pixels)) % 3))
    key = jax.random.key(5)
    batch = others.batch(np.arange(20), key)
    expected = whole.images(np.arange(20), key) if same else source.images(np.arange(20))
    np.testing.assert_array_equal(batch["image"], expected)
    np.testing.assert_array_equal(batch["label"], np.arange(20) % 3)
    assert others.num_labels == 3 and len(others) == len(pixels) and whole.num_labels is None
    np.testing.assert_allclose(others.pictures(expected), whole.pictures(expected))


def test_a_subset_prepares_others_as_the_whole(source, pixels):
    whole = transformed({"train": source}, binarize="fixed")["train"]
    others = Subset(whole, np.array([3, 4])).alike(ArraySource(np.array(pixels)))
    np.testing.assert_array_equal(others.images(np.arange(9)), whole.images(np.arange(9)))
