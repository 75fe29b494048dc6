"""CelebA-HQ as tfds prepares it, and as its genuine builder makes it of an archive of PNG files."""

import io
import tarfile

import numpy as np
import pytest

from tests.data.tfds_files import pixels_of, png, write_pngs
from vaejax.data.celeb_a_hq import celeb_a_hq


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A prepared data set of 20 faces and their pixels [20, 32, 32, 3]."""
    data_dir = tmp_path_factory.mktemp("tfds")
    others = {"image/filename": b"x.png"}
    pictures = write_pngs(data_dir, "celeb_a_hq/32", {"train": 20}, 32, **others)
    return data_dir, np.stack([pixels_of(file) for file in pictures["train"]])


def every(split):
    return np.asarray(split.images(np.arange(len(split))))


def test_a_tenth_of_the_faces_is_held_out(prepared):
    data_dir, pixels = prepared
    splits = celeb_a_hq(image_size=32, data_dir=data_dir)
    assert {name: len(split) for name, split in splits.items()} == {"train": 18, "test": 2}
    together = np.concatenate([every(splits["train"]), every(splits["test"])])
    found = [np.all(np.isclose(together, face / 255), axis=(1, 2, 3)).sum() for face in pixels]
    assert found == [1] * 20


def test_bits_are_the_first_of_each_byte(prepared):
    data_dir, _ = prepared
    plain = celeb_a_hq(image_size=32, data_dir=data_dir)
    coarse = celeb_a_hq(image_size=32, data_dir=data_dir, bits=5)
    for name, split in coarse.items():
        bytes_ = np.rint(255 * every(plain[name])).astype(int)
        np.testing.assert_allclose(every(split), (bytes_ >> 3) / 31, rtol=1e-6)


def test_sizes_are_those_of_tfds():
    with pytest.raises(ValueError, match=r"^image_size: expected one of .*1024\), got 200"):
        celeb_a_hq(image_size=200)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_genuine_builder_prepares_what_is_read(tmp_path):
    pytest.importorskip("tensorflow", reason="preparing a tfds data set needs TensorFlow")
    files = [png(i, 16) for i in range(10)]
    with tarfile.open(tmp_path / "data16x16.tar", "w") as archive:
        for i, file in enumerate(files):
            info = tarfile.TarInfo(f"{i:05}.png")
            info.size = len(file)
            archive.addfile(info, io.BytesIO(file))
    splits = celeb_a_hq(image_size=16, data_dir=tmp_path / "tfds", manual_dir=tmp_path)
    assert {name: len(split) for name, split in splits.items()} == {"train": 9, "test": 1}
    together = np.concatenate([s.fetch(np.arange(len(s)))["image"] for s in splits.values()])
    for file in files:  # tfds shuffles
        assert np.all(together == pixels_of(file), axis=(1, 2, 3)).sum() == 1
