"""Small ImageNet as tfds prepares it, and as its genuine builder makes it of two archives."""

import io
import tarfile

import numpy as np
import pytest

from tests.data.tfds_files import pixels_of, png, write_pngs
from vaejax.data.downsampled_imagenet import downsampled_imagenet


@pytest.mark.parametrize("size", [32, 64])
def test_pictures_are_those_of_the_records(tmp_path, size):
    name = f"downsampled_imagenet/{size}x{size}"
    pictures = write_pngs(tmp_path, name, {"train": 5, "validation": 2}, size)
    splits = downsampled_imagenet(image_size=size, data_dir=tmp_path)
    assert list(splits) == ["train", "validation"]
    for split in splits:
        assert splits[split].image_shape == (size, size, 3)
        expected = np.stack([pixels_of(file) for file in pictures[split]]) / 255
        images = splits[split].images(np.arange(len(expected)))
        np.testing.assert_allclose(images, expected, rtol=1e-6)


def test_bits_are_the_first_of_each_byte(tmp_path):
    name = "downsampled_imagenet/32x32"
    pictures = write_pngs(tmp_path, name, {"train": 1, "validation": 2}, 32)
    images = downsampled_imagenet(data_dir=tmp_path, bits=3)["validation"].images(np.arange(2))
    expected = np.stack([pixels_of(file) >> 5 for file in pictures["validation"]]) / 7
    np.testing.assert_allclose(images, expected, rtol=1e-6)


def test_sizes_are_those_of_tfds():
    with pytest.raises(ValueError, match=r"^image_size: expected one of \(32, 64\), got 16"):
        downsampled_imagenet(image_size=16)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_genuine_builder_prepares_what_is_read(tmp_path):
    pytest.importorskip("tensorflow", reason="preparing a tfds data set needs TensorFlow")
    files = {"train": [png(i, 32) for i in range(4)], "valid": [png(i, 32) for i in range(4, 6)]}
    for split, pictures in files.items():
        with tarfile.open(tmp_path / f"{split}_32x32.tar", "w") as archive:
            for i, file in enumerate(pictures):
                info = tarfile.TarInfo(f"{split}_32x32/{i}.png")
                info.size = len(file)
                archive.addfile(info, io.BytesIO(file))
    splits = downsampled_imagenet(data_dir=tmp_path / "tfds", manual_dir=tmp_path)
    for name, pictures in (("train", files["train"]), ("validation", files["valid"])):
        images = splits[name].fetch(np.arange(len(splits[name])))["image"]
        assert len(images) == len(pictures)
        for file in pictures:  # tfds shuffles
            assert np.all(images == pixels_of(file), axis=(1, 2, 3)).sum() == 1
