"""Folders of pictures."""

import numpy as np
import pytest
from PIL import Image

from vaejax.data.folder import folder


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, np.uint8)).save(path)


def flat(value, height=8, width=8):
    return np.full((height, width, 3), value, np.uint8)


def fill(root, count):
    for i in range(count):
        save(root / f"{i:03}.png", flat(i))


def greys(source):
    return np.rint(np.asarray(source.images(np.arange(len(source)))).mean((1, 2, 3)) * 255)


def test_all_formats_at_any_depth(tmp_path):
    save(tmp_path / "a.png", flat(10))
    save(tmp_path / "deep" / "er" / "b.JPG", flat(20))
    save(tmp_path / "deep" / "c.jpeg", flat(30))
    save(tmp_path / "d.webp", flat(40))
    save(tmp_path / "e.png", np.full((8, 8), 50))  # grey
    save(tmp_path / "f.png", np.full((8, 8, 4), 60))  # with alpha
    (tmp_path / "notes.txt").write_text("no picture")
    splits = folder(tmp_path, image_size=4)
    found = np.concatenate([greys(source) for source in splits.values()])
    np.testing.assert_allclose(np.sort(found), [10, 20, 30, 40, 50, 60], atol=2)
    assert splits["train"].image_shape == (4, 4, 3)


def test_sub_folders_are_splits(tmp_path):
    fill(tmp_path / "train", 4)
    fill(tmp_path / "validation", 3)
    fill(tmp_path / "test", 2)
    fill(tmp_path / "elsewhere", 9)
    splits = folder(tmp_path, image_size=8)
    assert {n: len(s) for n, s in splits.items()} == {"train": 4, "validation": 3, "test": 2}
    np.testing.assert_array_equal(greys(splits["train"]), range(4))  # in the order of the names


@pytest.mark.parametrize("below", ["", "train"])
def test_holdout_where_there_is_one_set(tmp_path, below):
    fill(tmp_path / below, 30)
    splits = folder(tmp_path, image_size=8)
    assert {n: len(s) for n, s in splits.items()} == {"train": 27, "test": 3}


@pytest.mark.parametrize("turn", [False, True])
def test_centre_square(tmp_path, turn):
    """A white 4 x 4 square in the middle of a black 6 x 10 picture."""
    pixels = flat(0, 6, 10)
    pixels[1:5, 3:7] = 255
    pixels = pixels.transpose(1, 0, 2) if turn else pixels
    for i in range(2):
        save(tmp_path / f"{i}.png", pixels)
    expected = np.zeros((6, 6, 3))
    expected[1:5, 1:5] = 1
    image = folder(tmp_path, image_size=6)["test"].images(np.array([0]))[0]
    np.testing.assert_array_equal(image, expected)
    inside = folder(tmp_path, image_size=4, crop=4)["test"].images(np.array([0]))[0]
    np.testing.assert_array_equal(inside, np.ones((4, 4, 3)))


def test_resize_is_antialiased(tmp_path):
    """Stripes one pixel wide become grey; reading single pixels would give black or white."""
    pixels = flat(0, 32, 32)
    pixels[:, ::2] = 255
    for i in range(2):
        save(tmp_path / f"{i}.png", pixels)
    image = folder(tmp_path, image_size=4)["test"].images(np.array([0]))
    np.testing.assert_allclose(image, 0.5, atol=0.07)


def test_grey_and_photo_orientation(tmp_path):
    pixels = np.zeros((8, 8), np.uint8)
    pixels[:4] = 255  # white above
    exif = Image.Exif()
    exif[0x0112] = 3  # the camera was upside down
    for i in range(2):
        Image.fromarray(pixels).save(tmp_path / f"{i}.png", exif=exif)
    image = np.asarray(folder(tmp_path, image_size=8, channels=1)["test"].images(np.array([0])))
    np.testing.assert_array_equal(image[0, :, :, 0], pixels[::-1] / 255)


def test_decoded_once_until_something_changes(tmp_path, cache_folder):
    root = tmp_path / "pictures"
    fill(root, 10)

    def caches():
        return len(list(cache_folder.rglob("*.npy")))

    folder(root, image_size=8)
    folder(root, image_size=8)
    assert caches() == 1
    folder(root, image_size=4)
    assert caches() == 2
    save(root / "new.png", flat(99))
    splits = folder(root, image_size=8)
    assert caches() == 3
    assert 99 in np.concatenate([greys(source) for source in splits.values()])
    save(root / "000.png", np.random.default_rng(0).integers(0, 256, (8, 8, 3)))  # another size
    folder(root, image_size=8)
    assert caches() == 4


def test_errors_name_the_file(tmp_path):
    with pytest.raises(ValueError, match=r"^path: expected a folder of .* got .*none, which does"):
        folder(tmp_path / "none", image_size=8)
    with pytest.raises(ValueError, match=r"^path: expected a folder of .jpeg, .jpg, .png, .webp"):
        folder(tmp_path, image_size=8)
    fill(tmp_path, 3)
    with pytest.raises(ValueError, match=r"^crop: expected at most .* got 9 for .*png of 8 x 8"):
        folder(tmp_path, image_size=8, crop=9)
    with pytest.raises(ValueError, match=r"^image_size: expected a positive number, got 0"):
        folder(tmp_path, image_size=0)
    with pytest.raises(ValueError, match=r"^channels: expected 1 or 3, got 2"):
        folder(tmp_path, image_size=8, channels=2)
    for damage in (b"", b"<html>", (tmp_path / "000.png").read_bytes()[:45]):
        (tmp_path / "001.png").write_bytes(damage)
        with pytest.raises(ValueError, match=r"^path: .* got a damaged .*001.png"):
            folder(tmp_path, image_size=8)


def test_transforms(tmp_path):
    fill(tmp_path, 20)
    train = folder(tmp_path, image_size=8, standardize=True, flip=True)["train"]
    np.testing.assert_allclose(train.images(np.arange(18)).mean(0), 0, atol=1e-5)
