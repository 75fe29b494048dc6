"""Array sources and the data set `array`."""

import jax
import numpy as np
import pytest

from vaejax.data.arrays import ArraySource, array

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


def test_array_of_npy_and_npz(tmp_path):
    np.save(tmp_path / "a.npy", GREY)
    np.savez(tmp_path / "one.npz", anything=GREY)
    np.savez_compressed(tmp_path / "two.npz", other=np.arange(3), images=GREY)
    for splits in (
        array(tmp_path / "a.npy"),
        array(str(tmp_path / "one.npz")),
        array(tmp_path / "two.npz", key="images"),
    ):
        assert {name: len(source) for name, source in splits.items()} == {"train": 27, "test": 3}
        found = np.concatenate([s.images(np.arange(len(s))) for s in splits.values()])
        both = [np.sort(images.sum((1, 2)).ravel()) for images in (found, GREY[..., None] / 255)]
        np.testing.assert_allclose(*both, rtol=1e-5)


def test_array_errors_name_the_file(tmp_path):
    (tmp_path / "text.npy").write_text("hello")
    with pytest.raises(ValueError, match=r"^path: expected a whole file, got a damaged .*text.npy"):
        array(tmp_path / "text.npy")
    np.save(tmp_path / "vector.npy", np.arange(5))
    with pytest.raises(ValueError, match=r"^path: expected a file of images, got .*vector.npy"):
        array(tmp_path / "vector.npy")
    images = np.random.default_rng(0).random((1000, 8, 8), np.float32)
    images[333] = np.nan
    np.save(tmp_path / "nan.npy", images)
    np.savez(tmp_path / "nan.npz", images)
    for name in ("nan.npy", "nan.npz"):
        with pytest.raises(
            ValueError, match=rf"^path: .* got .*{name}: .* from nan to nan in images\[333\]"
        ):
            array(tmp_path / name)


def test_array_refuses_a_binary_set_that_would_be_nearly_black(tmp_path):
    np.save(tmp_path / "a.npy", (GREY > 99).astype(np.uint8))
    with pytest.raises(ValueError, match=r"^path: expected grey values up to 255, .*a.npy, got"):
        array(tmp_path / "a.npy")


@pytest.mark.parametrize(
    ("images", "told"),
    [
        (GREY % 17, r"16 of 255: they are dark; if 16 is white, give images / 16 as float32"),
        (GREY % 101, r"100 of 255: they are dark"),
        ((GREY % 17 / 255).astype(np.float32), r"0.0627\d* of 1: they are dark"),
        (GREY / 255 * 0, r"0 of 1: they are dark; so are"),
    ],
)
def test_array_tells_of_dark_images(tmp_path, images, told):
    np.save(tmp_path / "a.npy", images)
    for _ in range(2):  # in every run
        with pytest.warns(UserWarning, match=rf"^images: the .* of a.npy is {told}"):
            array(tmp_path / "a.npy")


def test_jax_arrays_are_arrays():
    source = ArraySource(jax.numpy.asarray(GREY))
    np.testing.assert_array_equal(source.fetch(INDICES)["image"][..., 0], GREY[INDICES])


def test_array_transforms(tmp_path):
    np.save(tmp_path / "a.npy", GREY)
    binary = array(tmp_path / "a.npy", binarize="fixed")["test"].images(np.arange(3))
    assert set(np.unique(binary)) == {0.0, 1.0}
    standard = array(tmp_path / "a.npy", standardize=True)["train"].images(np.arange(27))
    np.testing.assert_allclose(standard.mean(0), 0, atol=1e-5)


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
