"""Array sources."""

import jax
import numpy as np
import pytest

from vaejax.data.arrays import ArraySource

GREY = np.random.default_rng(0).integers(0, 256, (30, 4, 5), dtype=np.uint8)
INDICES = np.array([20, 3, 3, 29, 0])


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (GREY, GREY / 255),
        (GREY[..., None].repeat(3, -1), GREY[..., None].repeat(3, -1) / 255),
        (GREY > 99, GREY > 99),
        (GREY / 255, GREY / 255),
        ((GREY / 255).astype(np.float16), (GREY / 255).astype(np.float16)),
    ],
    ids=["grey", "rgb", "bool", "float64", "float16"],
)
def test_images_in_memory_and_memory_mapped(tmp_path, stored, expected):
    np.save(tmp_path / "images.npy", stored)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    expected = expected.reshape(30, 4, 5, -1)[INDICES].astype(np.float32)
    for source in (ArraySource(stored), ArraySource(mapped)):
        assert len(source) == 30
        assert source.image_shape == expected.shape[1:]
        images = source.images(INDICES)
        assert (images.shape, images.dtype) == (expected.shape, np.float32)
        np.testing.assert_allclose(images, expected, rtol=1e-6)
        jitted = jax.jit(source.decode)(source.fetch(INDICES), 0)["image"]
        np.testing.assert_allclose(jitted, images, rtol=1e-6)  # jit multiplies by 1 / 255


def test_a_memory_map_is_not_read_whole(tmp_path):
    np.save(tmp_path / "images.npy", GREY)
    source = ArraySource(np.load(tmp_path / "images.npy", mmap_mode="r"))
    assert isinstance(source._images, np.memmap)
    assert not isinstance(source.fetch(INDICES)["image"], np.memmap)  # nothing waits for the disk


def test_factors():
    factors = np.stack([np.arange(30), np.arange(30) % 2], 1)
    source = ArraySource(GREY, factors=factors, factor_names=("a", "b"), factor_sizes=(30, 2))
    found = source.factors(INDICES)
    np.testing.assert_array_equal(found, factors[INDICES])
    assert found.dtype == np.int32
    with pytest.raises(ValueError, match="no ground-truth factors"):
        ArraySource(GREY).factors(INDICES)
    with pytest.raises(ValueError, match=r"^factors: expected shape \(30, 1\), got \(30, 2\)"):
        ArraySource(GREY, factors=factors, factor_names=("a",))


@pytest.mark.parametrize(
    ("images", "got"),
    [
        (GREY[0], r"got shape \(4, 5\)"),
        (GREY[:0], r"got shape \(0, 4, 5\)"),
        (GREY.astype(np.int64), "got int64"),
        (GREY.astype(np.float32), "got floats from"),
        (GREY / 255 * np.nan, r"got floats from nan to nan in images\[0\]"),
    ],
    ids=["rank", "empty", "int", "range", "nan"],
)
def test_what_is_no_array_of_images(images, got):
    with pytest.raises(ValueError, match=rf"^images: expected \[N, H, W\] or .*, {got}"):
        ArraySource(images)


def test_jax_arrays_are_arrays():
    source = ArraySource(jax.numpy.asarray(GREY))
    np.testing.assert_array_equal(source.fetch(INDICES)["image"][..., 0], GREY[INDICES])


def test_labels():
    labels = np.arange(30) % 3
    source = ArraySource(GREY, labels=labels)
    assert source.num_labels == 3
    np.testing.assert_array_equal(source.batch(INDICES)["label"], labels[INDICES])
    assert ArraySource(GREY, labels=labels, num_labels=10).num_labels == 10
    assert ArraySource(GREY).num_labels is None


@pytest.mark.parametrize(
    ("labels", "num_labels", "message"),
    [
        (np.zeros(29, int), None, r"labels: expected integers \[30\]"),
        (np.zeros(30), None, r"labels: expected integers \[30\], got float64"),
        (np.arange(30), 10, r"labels: expected values in \[0, 10\), got 0 .. 29"),
        (-np.arange(30), None, r"labels: expected values in \[0, "),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels, num_labels, message):
    with pytest.raises(ValueError, match=message):
        ArraySource(GREY, labels=labels, num_labels=num_labels)
