"""CIFAR-10 as tfds prepares it, and as its genuine builder makes it of the official file."""

import io
import tarfile

import jax
import numpy as np
import pytest
import tensorflow_datasets as tfds

from tests.data.tfds_files import pixels_of, png, write_prepared
from vaejax.data.cifar10 import FILES, cifar10

SIZES = {"train": 6, "test": 3}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A prepared data set and its pictures by split; record i of a split is of class 9 - i."""
    data_dir = tmp_path_factory.mktemp("tfds")
    pictures = {"train": [png(i, 32) for i in range(6)], "test": [png(i, 32) for i in range(6, 9)]}
    records = {
        split: [{"id": b"x", "image": file, "label": 9 - i} for i, file in enumerate(files)]
        for split, files in pictures.items()
    }
    write_prepared(tfds.builder("cifar10", data_dir=data_dir), records)
    return data_dir, pictures


def test_pictures_and_classes_are_those_of_the_records(prepared):
    data_dir, pictures = prepared
    splits = cifar10(data_dir=data_dir)
    assert {name: len(split) for name, split in splits.items()} == SIZES
    for name, split in splits.items():
        assert split.image_shape == (32, 32, 3)
        every = np.arange(len(split))
        expected = np.stack([pixels_of(file) for file in pictures[name]]) / 255
        np.testing.assert_allclose(split.images(every), expected, rtol=1e-6)
        np.testing.assert_array_equal(split.factors(every), 9 - every[:, None])
        assert (split.factor_names, split.factor_sizes) == (("class",), (10,))


def rewritten(tmp_path, files):
    """A prepared data set of these files, each split of the same."""
    records = [{"id": b"x", "image": file, "label": 3} for file in files]
    builder = tfds.builder("cifar10", data_dir=tmp_path)
    return write_prepared(builder, {"train": records, "test": records})


def test_a_flipped_byte_in_the_decoded_pictures_is_found(tmp_path):
    folder = rewritten(tmp_path, [png(i, 32) for i in range(3)])
    before = np.asarray(cifar10(data_dir=tmp_path)["train"].images(np.arange(3)))
    cache = folder / "vaejax" / "train-pictures.npy"
    damaged = bytearray(cache.read_bytes())
    damaged[5000] ^= 1
    cache.write_bytes(damaged)
    with pytest.warns(UserWarning, match=r"train-pictures.npy is damaged at number 0"):
        again = cifar10(data_dir=tmp_path)["train"].images(np.arange(3))
    np.testing.assert_array_equal(again, before)


def test_pictures_of_records_prepared_before_are_not_taken(tmp_path):
    """The prepared files are replaced, what was decoded of the old ones stays beside them."""
    folders = [
        rewritten(tmp_path / name, [png(seed, 32)] * 2) for name, seed in (("a", 1), ("b", 2))
    ]
    cifar10(data_dir=tmp_path / "a")
    (folders[0] / "vaejax").rename(folders[1] / "vaejax")
    with pytest.warns(UserWarning, match=r"-(pictures|classes).npy is of other"):
        images = cifar10(data_dir=tmp_path / "b")["train"].images(np.arange(2))
    np.testing.assert_allclose(images[0], pixels_of(png(2, 32)) / 255, rtol=1e-6)


def test_a_damaged_record_is_named(tmp_path):
    rewritten(tmp_path / "cut", [png(0, 32), png(1, 32)[:99]])
    message = r"^data_dir: expected whole records in .*cut.*, got number 1 of train with .*damaged"
    with pytest.raises(ValueError, match=message):
        cifar10(data_dir=tmp_path / "cut")
    rewritten(tmp_path / "size", [png(0, 32), png(1, 31)])
    with pytest.raises(
        ValueError, match=r"pictures, 1: expected shape \(32, 32, 3\), got \(31, 31"
    ):
        cifar10(data_dir=tmp_path / "size")


def test_only_train_is_flipped(prepared):
    plain, flipped = cifar10(data_dir=prepared[0]), cifar10(data_dir=prepared[0], flip=True)
    images = np.asarray(plain["train"].images(np.arange(6)))
    result = np.asarray(flipped["train"].images(np.arange(6), jax.random.key(0)))
    same = np.all(result == images, axis=(1, 2, 3))
    mirrored = np.all(result == images[:, :, ::-1], axis=(1, 2, 3))
    assert np.all(same | mirrored) and np.any(mirrored)
    rngs = jax.random.key(0)
    np.testing.assert_array_equal(
        flipped["test"].images(np.arange(3), rngs), plain["test"].images(np.arange(3))
    )


def test_bits_are_the_first_of_each_byte(prepared):
    data_dir, pictures = prepared
    images = cifar10(data_dir=data_dir, bits=3)["test"].images(np.arange(3))
    expected = np.stack([pixels_of(file) >> 5 for file in pictures["test"]]) / 7
    np.testing.assert_allclose(images, expected, rtol=1e-6)


def write_originals(folder):
    """The official archive with two images in each of its six files, image i of class i % 10."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (12, 3, 32, 32), np.uint8)  # planes of one colour
    names = [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]
    contents = {"batches.meta.txt": "".join(f"class {i}\n" for i in range(10)).encode()}
    for i, name in enumerate(names):
        rows = [bytes([k % 10]) + pixels[k].tobytes() for k in (2 * i, 2 * i + 1)]
        contents[name] = b"".join(rows)
    with tarfile.open(folder / FILES[0], "w:gz") as archive:
        for name, content in contents.items():
            info = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return np.moveaxis(pixels, 1, -1)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_genuine_builder_prepares_what_is_read(tmp_path):
    pytest.importorskip("tensorflow", reason="preparing a tfds data set needs TensorFlow")
    pixels = write_originals(tmp_path)
    splits = cifar10(data_dir=tmp_path / "tfds", manual_dir=tmp_path)
    for name, numbers in (("train", range(10)), ("test", range(10, 12))):
        split = splits[name]
        images = split.fetch(np.arange(len(split)))["image"]
        classes = split.factors(np.arange(len(split)))
        for number in numbers:  # tfds shuffles
            here = np.all(images == pixels[number], axis=(1, 2, 3))
            assert here.sum() == 1
            assert classes[here][0] == number % 10
