"""CelebA as tfds prepares it: small noisy pictures in the genuine layout."""

import io
import pathlib
import re
import runpy
import zipfile

import jax
import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from tests.data.tfds_files import picture, write_celeb_a
from vaejax.data.celeb_a import FILES, celeb_a, face
from vaejax.runs import setup as run

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
ATTRIBUTES = (  # of the official file, in its order; the first, some, and the last
    ("5_o_Clock_Shadow", 0),
    ("Eyeglasses", 15),
    ("Male", 20),
    ("Smiling", 31),
    ("Young", 39),
)


def expected_face(jpeg, size):
    """Resized by the definition: triangle weights over the crop's rows, then over its columns."""
    pixels = np.asarray(Image.open(io.BytesIO(jpeg))).astype(float)[40:188, 15:163]
    scale = 148 / size
    distance = (np.arange(size)[:, None] + 0.5) - (np.arange(148)[None] + 0.5) / scale
    weights = np.maximum(1.0 - np.abs(distance), 0.0)
    weights /= weights.sum(axis=1, keepdims=True)
    return np.einsum("ay,bx,yxc->abc", weights, weights, pixels, optimize=True)


@pytest.fixture(scope="module")
def names():
    """Names of the attributes, from the builder; `ATTRIBUTES` checks their order."""
    return sorted(tfds.builder("celeb_a", data_dir="/nowhere").info.features["attributes"])


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A prepared data set and its pictures by split."""
    data_dir = tmp_path_factory.mktemp("tfds")
    return data_dir, write_celeb_a(data_dir)


@pytest.mark.parametrize("size", [64, 20])
def test_faces_are_cropped_and_resized(prepared, size):
    data_dir, pictures = prepared
    splits = celeb_a(image_size=size, data_dir=data_dir)
    assert list(splits) == ["train", "validation", "test"]
    for name, split in splits.items():
        assert split.image_shape == (size, size, 3)
        images = 255 * np.asarray(split.images(np.arange(len(split))))
        expected = [expected_face(jpeg, size) for jpeg in pictures[name]]
        np.testing.assert_allclose(images, expected, atol=1.01)  # rounded once for each axis


def test_attributes_are_factors(prepared):
    train = celeb_a(data_dir=prepared[0])["train"]
    assert train.factor_sizes == (2,) * 40
    assert [train.factor_names[k] for _, k in ATTRIBUTES] == [name for name, _ in ATTRIBUTES]
    expected = np.arange(40)[None] >> np.arange(6)[:, None] & 1
    np.testing.assert_array_equal(train.factors(np.arange(6)), expected)


def test_second_run_reads_what_the_first_decoded(prepared, monkeypatch):
    first = celeb_a(data_dir=prepared[0])["test"].images(np.arange(2))
    monkeypatch.setattr(Image, "open", None)
    np.testing.assert_array_equal(celeb_a(data_dir=prepared[0])["test"].images(np.arange(2)), first)


def test_train_is_flipped_and_all_is_standardised(prepared):
    plain = celeb_a(data_dir=prepared[0])
    splits = celeb_a(data_dir=prepared[0], flip=True, standardize=True)
    train = np.asarray(plain["train"].images(np.arange(6)))
    deviation = np.maximum(train.std(axis=0), 1 / 255)
    expected = (np.asarray(plain["test"].images(np.arange(2))) - train.mean(axis=0)) / deviation
    np.testing.assert_allclose(splits["test"].images(np.arange(2)), expected, atol=1e-4)
    batches = [splits["train"].images(np.arange(6), jax.random.key(seed)) for seed in range(2)]
    assert np.any(np.asarray(batches[0]) != np.asarray(batches[1]))


def test_bits_are_the_first_of_each_byte(prepared):
    plain, coarse = (celeb_a(image_size=20, data_dir=prepared[0], bits=bits) for bits in (8, 5))
    for name, split in coarse.items():
        every = np.arange(len(split))
        bytes_ = np.rint(255 * np.asarray(plain[name].images(every))).astype(int)
        np.testing.assert_allclose(split.images(every), (bytes_ >> 3) / 31, rtol=1e-6)


def test_the_run_that_needs_no_data_is_there(tensorflow, tmp_path):
    tensorflow(False)
    with pytest.raises(ValueError, match=r"^data_dir: expected celeb_a prepared") as caught:
        celeb_a(data_dir=tmp_path)
    path, variant = re.search(r"--config=(\S+):(\w+)", str(caught.value)).groups()
    module = runpy.run_path(str(ROOT / path))
    assert len(run.build(module["get_config"](variant)).source) > 0


def test_a_picture_of_another_size_is_not_filled_up_with_black():
    file = io.BytesIO()
    Image.new("RGB", (150, 150)).save(file, "JPEG")
    with pytest.raises(ValueError, match=r"expected a picture of \(178, 218\) pixels, got \(150"):
        face(file.getvalue(), 64)


@pytest.mark.parametrize("size", [0, 149])
def test_image_size_is_at_most_the_crop(size):
    with pytest.raises(ValueError, match=r"^image_size: expected a number from 1 to 148"):
        celeb_a(image_size=size)


def write_originals(folder, names, jpegs):
    """The five files of CelebA: of ten pictures 6 to train, 2 to validate and 2 to test."""
    files = [f"{i:06}.jpg" for i in range(10)]
    with zipfile.ZipFile(folder / FILES[0], "w") as archive:
        for file, jpeg in zip(files, jpegs, strict=True):
            archive.writestr(f"img_align_celeba/{file}", jpeg)
    points = ("lefteye", "righteye", "nose", "leftmouth", "rightmouth")
    landmarks = [f"{point}_{axis}" for point in points for axis in "xy"]
    tables = [
        ("", [max(0, i - 4) // 2 for i in range(10)]),
        (f"10\n{' '.join(names)}\n", [bits_of(i, "-1", "1") for i in range(10)]),
        (f"10\n{' '.join(landmarks)}\n", ["0 " * 10] * 10),
        ("", list(range(10))),
    ]
    for name, (header, rows) in zip(FILES[1:], tables, strict=True):
        lines = [f"{file} {row}\n" for file, row in zip(files, rows, strict=True)]
        (folder / name).write_text(header + "".join(lines))


def bits_of(i, no, yes):
    return " ".join([no, yes][k >> i & 1] for k in range(40))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_genuine_builder_prepares_what_is_read(tmp_path, names):
    pytest.importorskip("tensorflow", reason="preparing a tfds data set needs TensorFlow")
    jpegs = [picture(i) for i in range(10)]
    write_originals(tmp_path, names, jpegs)
    splits = celeb_a(data_dir=tmp_path / "tfds", manual_dir=tmp_path)
    for name, numbers in (("train", range(6)), ("validation", (6, 7)), ("test", (8, 9))):
        split = splits[name]
        images = np.asarray(split.fetch(np.arange(len(split)))["image"])
        factors = split.factors(np.arange(len(split)))
        for number in numbers:  # tfds shuffles
            here = np.all(images == face(jpegs[number], 64), axis=(1, 2, 3))
            assert here.sum() == 1
            np.testing.assert_array_equal(factors[here][0], np.arange(40) >> number & 1)
