"""Omniglot, from archives made here and from the real ones."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from vaejax.data.omniglot import omniglot


def drawing(number):
    """A 1-bit PNG: a black square on white, placed and sized by a number."""
    paper = np.full((105, 105), True)
    paper[number : number + 40, number : number + 30] = False
    file = io.BytesIO()
    Image.fromarray(paper).save(file, "PNG")
    return file.getvalue()


def write(path, numbers):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{path.stem}/Greek/", b"")
        for number in numbers:
            archive.writestr(f"{path.stem}/Greek/character01/{number:04}_01.png", drawing(number))


def lengths(splits):
    return {name: len(source) for name, source in splits.items()}


def test_ink_is_one_and_resizing_keeps_its_amount(tmp_path):
    write(tmp_path / "images_background_small1.zip", range(20, 40))
    test = omniglot(tmp_path, image_size=21)["test"]
    images = np.asarray(test.images(np.arange(len(test))))
    assert test.image_shape == (21, 21, 1)
    assert (images.min(), images.max()) == (0, 1)
    np.testing.assert_allclose(images.mean((1, 2, 3)), 40 * 30 / 105**2, rtol=0.01)


def test_small_sets_count_a_shared_drawing_once(tmp_path):
    write(tmp_path / "images_background_small1.zip", range(0, 14))
    write(tmp_path / "images_background_small2.zip", range(10, 20))
    assert lengths(omniglot(tmp_path)) == {"train": 18, "test": 2}


def test_official_split(tmp_path):
    write(tmp_path / "images_background_small1.zip", range(3))
    write(tmp_path / "images_background.zip", range(6))
    write(tmp_path / "images_evaluation.zip", [30, 31])
    splits = omniglot(tmp_path, binarize="fixed")
    assert lengths(splits) == {"train": 6, "test": 2}
    assert set(np.unique(splits["train"].images(np.arange(6)))) == {0.0, 1.0}


def test_what_macos_adds_to_an_archive_is_no_drawing(tmp_path):
    write(tmp_path / "images_background.zip", range(6))
    with zipfile.ZipFile(tmp_path / "images_background.zip", "a") as archive:
        archive.writestr("__MACOSX/images_background/Greek/._0001_01.png", b"\0\5\x16\7")
    assert lengths(omniglot(tmp_path)) == {"train": 5, "test": 1}


def test_an_archive_without_drawings(tmp_path):
    write(tmp_path / "images_background.zip", [])
    with pytest.raises(ValueError, match=r"^path: .*images_background.zip \(without drawings\)"):
        omniglot(tmp_path)


def test_a_changed_archive_is_decoded_again(tmp_path):
    write(tmp_path / "images_background.zip", range(6))
    write(tmp_path / "images_evaluation.zip", [30])
    before = omniglot(tmp_path)["test"].images(np.array([0]))
    write(tmp_path / "images_evaluation.zip", [31])
    assert not np.array_equal(omniglot(tmp_path)["test"].images(np.array([0])), before)


def test_errors_name_the_file(tmp_path):
    with pytest.raises(ValueError, match=r"^path: expected a folder with images_background.zip or"):
        omniglot(tmp_path)
    with pytest.raises(ValueError, match=r"^image_size: expected a positive number, got 0"):
        omniglot(tmp_path, image_size=0)
    file = tmp_path / "images_background.zip"
    write(file, range(6))
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"^path: .* got a damaged .*images_background.zip"):
        omniglot(tmp_path)
    start = whole.index(b"IDAT")
    file.write_bytes(whole[:start] + b"\0" * 20 + whole[start + 20 :])
    with pytest.raises(ValueError, match=r"damaged .*0000_01.png in .*images_background.zip"):
        omniglot(tmp_path)


def test_real_archives(shared):
    splits = omniglot(shared / "data" / "omniglot")
    # 2720 + 3120 drawings, of which the 1000 of Greek and Latin are in both archives.
    assert lengths(splits) == {"train": 4356, "test": 484}
    images = np.asarray(splits["train"].images(np.arange(4356)))
    assert images.shape == (4356, 28, 28, 1)
    assert images.min() == 0
    assert 0.05 < images.mean() < 0.1  # thin ink on paper
