"""MNIST, from idx files made here and from the real ones."""

import gzip
import time

import numpy as np
import pytest

from tests.data.idx_files import NAMES, idx, random_arrays, write_mnist
from vaejax.data.mnist import mnist


@pytest.fixture
def arrays():
    return random_arrays()


@pytest.fixture
def folder(tmp_path, arrays):
    write_mnist(tmp_path, arrays)
    return tmp_path


def test_images_and_labels(folder, arrays):
    splits = mnist(folder)
    for split, prefix, number in (("train", "train", 12), ("test", "t10k", 5)):
        source, every = splits[split], np.arange(number)
        assert (len(source), source.image_shape) == (number, (28, 28, 1))
        pixels = arrays[f"{prefix}-images-idx3-ubyte.gz"]
        np.testing.assert_allclose(source.images(every)[..., 0], pixels / 255, rtol=1e-6)
        digits = arrays[f"{prefix}-labels-idx1-ubyte.gz"]
        np.testing.assert_array_equal(source.factors(every), digits[:, None])
        assert (source.factor_names, source.factor_sizes) == (("digit",), (10,))


def test_pad_and_binarize(folder):
    plain, padded = mnist(folder)["test"], mnist(str(folder), pad=2)["test"]
    assert padded.image_shape == (32, 32, 1)
    images = np.asarray(padded.images(np.arange(5)))
    np.testing.assert_array_equal(images[:, 2:-2, 2:-2], plain.images(np.arange(5)))
    assert images.sum() == pytest.approx(np.asarray(plain.images(np.arange(5))).sum())
    binary = mnist(folder, binarize="dynamic")["test"]
    assert set(np.unique(binary.images(np.arange(5)))) == {0.0, 1.0}
    np.testing.assert_array_equal(binary.factors(np.arange(5)), plain.factors(np.arange(5)))
    with pytest.raises(ValueError, match=r"^pad: expected a number >= 0, got -1"):
        mnist(folder, pad=-1)


def test_the_last_training_images_are_for_validation(folder):
    whole, splits = mnist(folder), mnist(folder, num_validation=4, binarize="fixed")
    assert [*splits] == ["train", "test", "validation"]
    for name, split, places in (
        ("train", "train", range(8)),
        ("validation", "train", range(8, 12)),
    ):
        digits = splits[name].factors(np.arange(len(places)))
        np.testing.assert_array_equal(digits, whole[split].factors(np.array(places)))
    # A fixed draw of the test split is the same, whether there is a validation split or not.
    both = [mnist(folder, binarize="fixed")["test"], splits["test"]]
    np.testing.assert_array_equal(*(source.images(np.arange(5)) for source in both))
    for number, message in ((-1, "a number >= 0, got -1"), (12, "at least 1 and less than 12")):
        with pytest.raises(ValueError, match=f"^num_validation: expected {message}"):
            mnist(folder, num_validation=number)


@pytest.mark.parametrize("name", NAMES)
def test_missing_file(folder, name):
    (folder / name).unlink()
    with pytest.raises(ValueError, match=r"^path: expected the four MNIST files, got no") as error:
        mnist(folder)
    assert str(folder / name) in str(error.value)
    assert f"/mnist/{name} into {folder}" in str(error.value)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("damage", ["cut", "flipped", "text", "empty", "magic", "short"])
def test_damaged_file(folder, arrays, name, damage):
    file = folder / name
    content = file.read_bytes()
    middle = len(content) // 2
    flipped = bytes([content[middle] ^ 0xFF])
    file.write_bytes(
        {
            "cut": content[:-12],
            "flipped": content[:middle] + flipped + content[middle + 1 :],
            "text": b"<html>404</html>",
            "empty": b"",
            "magic": gzip.compress(b"\0\0\x0d" + gzip.decompress(content)[3:]),
            "short": gzip.compress(gzip.decompress(content)[:-1]),
        }[damage]
    )
    with pytest.raises(ValueError, match=r"^path: expected a whole MNIST file, got a") as error:
        mnist(folder)
    assert str(file) in str(error.value)


def test_labels_of_another_set(folder, arrays):
    (folder / NAMES[1]).write_bytes(idx(arrays[NAMES[3]]))
    with pytest.raises(ValueError, match=r"^path: expected as many train labels .* got 5 and 12"):
        mnist(folder)


def test_letters_are_no_digits(folder, arrays):
    (folder / NAMES[1]).write_bytes(idx(arrays[NAMES[1]] + 17))
    with pytest.raises(
        ValueError, match=r"^path: expected train labels of MNIST, 0 to 9, .* got 2"
    ):
        mnist(folder)


def test_files_without_images(folder):
    for name in NAMES[:2]:
        (folder / name).write_bytes(
            idx(np.zeros((0, 28, 28)[: 3 if "idx3" in name else 1], np.uint8))
        )
    with pytest.raises(ValueError, match=r"^path: expected a whole MNIST file, .*train-labels"):
        mnist(folder)


def test_real_files(shared):
    splits = mnist(shared / "data" / "mnist")
    train, test = splits["train"], splits["test"]
    assert (len(train), len(test)) == (60_000, 10_000)
    pixels = train.fetch(np.arange(60_000))["image"]
    assert pixels.mean() / 255 == pytest.approx(0.1307, abs=5e-5)
    assert pixels.std() / 255 == pytest.approx(0.3081, abs=5e-5)
    digits = train.factors(np.arange(60_000))[:, 0]
    np.testing.assert_array_equal(digits[:10], [5, 0, 4, 1, 9, 2, 1, 3, 1, 4])
    assert np.bincount(digits).tolist() == [
        5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949
    ]  # fmt: skip
    assert test.factors(np.arange(3)).ravel().tolist() == [7, 2, 1]


def test_real_size_file_cut_short_fails_fast(shared, tmp_path):
    for name in NAMES:
        content = (shared / "data" / "mnist" / name).read_bytes()
        (tmp_path / name).write_bytes(content[:-1000] if name == NAMES[2] else content)
    start = time.process_time()
    with pytest.raises(ValueError, match=r"t10k-images-idx3-ubyte.gz"):
        mnist(tmp_path)
    assert time.process_time() - start < 1.0
