"""Folders of pictures."""

import os

import numpy as np
import pytest
from PIL import Image

from tests.data.picture_files import fill, flat, png, save
from vaejax.data.folder import folder, pictures


def greys(source):
    return np.rint(np.asarray(source.images(np.arange(len(source)))).mean((1, 2, 3)) * 255)


def test_all_formats_at_any_depth(tmp_path):
    save(tmp_path / "a.png", flat(110))
    save(tmp_path / "deep" / "er" / "b.JPG", flat(120))
    save(tmp_path / "deep" / "c.jpeg", flat(130))
    save(tmp_path / "d.webp", flat(140))
    save(tmp_path / "e.png", np.full((8, 8), 150))  # grey
    save(tmp_path / "f.png", np.full((8, 8, 4), (160, 160, 160, 255)))  # with alpha
    (tmp_path / "notes.txt").write_text("no picture")
    splits = folder(tmp_path, image_size=4)
    found = np.concatenate([greys(source) for source in splits.values()])
    np.testing.assert_allclose(np.sort(found), [110, 120, 130, 140, 150, 160], atol=2)
    assert splits["train"].image_shape == (4, 4, 3)


def test_sub_folders_are_splits(tmp_path):
    fill(tmp_path / "train", 4)
    fill(tmp_path / "validation", 3)
    fill(tmp_path / "test", 2)
    fill(tmp_path / "elsewhere", 9)
    with pytest.warns(
        UserWarning, match=r"beside train, validation, test \(9: elsewhere/000.png, "
    ):
        splits = folder(tmp_path, image_size=8)
    assert {n: len(s) for n, s in splits.items()} == {"train": 4, "validation": 3, "test": 2}
    np.testing.assert_array_equal(
        greys(splits["train"]), 200 + np.arange(4)
    )  # in the order of the names


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


def changed_pictures(root):
    """Sixteen bits, transparency, both, and eight ordinary ones."""
    fill(root, 8)
    ramp = np.linspace(0, 65535, 8).astype(">u2")
    (root / "deep.png").write_bytes(png(8, 8, 16, 0, ramp.tobytes()))
    save(root / "clear.png", np.full((8, 8, 4), (0, 255, 0, 0)))
    both = np.stack([ramp, ramp - ramp], axis=1).astype(">u2")
    (root / "deep-and-clear.png").write_bytes(png(8, 8, 16, 4, both.tobytes()))


def test_what_is_done_to_pictures_is_said_in_every_run(tmp_path):
    root = tmp_path / "pictures"
    changed_pictures(root)
    line = (
        r"^path: of 11 pictures in .*pictures: 2 reduced from 16 bits to 8, 2 composed on white "
        "where transparent$"
    )
    for _ in range(3):
        with pytest.warns(UserWarning, match=line):
            splits = folder(root, image_size=8)
    found = np.concatenate([source.images(np.arange(len(source))) for source in splits.values()])
    assert (found.mean((1, 2, 3)) == 1).sum() == 2  # the clear ones
    ramps = np.abs(found - np.linspace(0, 1, 8)[None, None, :, None]).max((1, 2, 3))
    assert (ramps < 0.01).sum() == 1


def test_what_was_done_is_known_as_long_as_the_pixels_are(tmp_path, cache_folder):
    """Whatever else is lost of the cache: a note beside it, say, of a run that was killed."""
    root = tmp_path / "pictures"
    changed_pictures(root)
    for _ in range(3):
        with pytest.warns(UserWarning, match="2 composed on white where transparent"):
            folder(root, image_size=8)
        for record in cache_folder.rglob("*.json"):
            record.unlink()
        (cache,) = cache_folder.rglob("*.npy")
        cache.chmod(0o600)


def test_folders_that_look_alike_are_told_apart(tmp_path):
    """Equal names of folder and files, sizes and times, as of two exports of a grid of sprites."""
    found = []
    for place, grey in (("a", 130), ("b", 210)):
        for i in range(6):
            file = tmp_path / place / "set" / f"{i}.png"
            save(file, flat(grey + i))
            file.write_bytes(file.read_bytes().ljust(100, b"\0"))
            os.utime(file, (1e9, 1e9))
        found.append(greys(folder(tmp_path / place / "set", image_size=8)["train"]))
    np.testing.assert_array_equal(found[1], found[0] + 80)
    os.rename(tmp_path / "a", tmp_path / "c")  # other pixels where the first were
    os.rename(tmp_path / "b", tmp_path / "a")
    again = greys(folder(tmp_path / "a" / "set", image_size=8)["train"])
    np.testing.assert_array_equal(again, found[1])


def test_a_changed_picture_of_equal_size_and_time(tmp_path):
    for i in range(6):
        save(tmp_path / f"{i}.png", flat(130 + i, 1, 1))
    before = greys(folder(tmp_path, image_size=1)["train"])
    for file in tmp_path.glob("*.png"):
        status = file.stat()
        save(file, flat(210 + int(file.stem), 1, 1))
        assert file.stat().st_size == status.st_size
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))  # as rsync and tar do
    np.testing.assert_array_equal(greys(folder(tmp_path, image_size=1)["train"]), before + 80)


def test_dark_pictures_are_told(tmp_path):
    """Twelve bits in sixteen, say."""
    ramp = np.linspace(0, 4095, 8).astype(">u2")
    for i in range(2):
        (tmp_path / f"{i}.png").write_bytes(png(8, 8, 16, 0, ramp.tobytes()))
    with (
        pytest.warns(UserWarning, match=r"the brightest pixel .* is 15 of 255: they are dark"),
        pytest.warns(UserWarning, match="2 reduced from 16 bits"),
    ):
        folder(tmp_path, image_size=8)


def test_a_flipped_byte_in_the_cache_is_no_picture(tmp_path, cache_folder):
    root = tmp_path / "pictures"
    fill(root, 10)
    before = greys(folder(root, image_size=8)["train"])
    (cache,) = cache_folder.rglob("*.npy")
    damaged = bytearray(cache.read_bytes())
    damaged[300] ^= 255
    cache.write_bytes(damaged)
    with pytest.warns(UserWarning, match=r"is damaged at number 0 or soon after; .* decoded again"):
        again = greys(folder(root, image_size=8)["train"])
    np.testing.assert_array_equal(again, before)


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
    save(root / "new.png", flat(199))
    splits = folder(root, image_size=8)
    assert caches() == 3
    assert 199 in np.concatenate([greys(source) for source in splits.values()])
    save(root / "000.png", np.random.default_rng(0).integers(0, 256, (8, 8, 3)))  # another size
    folder(root, image_size=8)
    assert caches() == 4


def test_errors_name_the_file(tmp_path):
    with pytest.raises(ValueError, match=r"^path: expected a folder of .* got .*none, which does"):
        folder(tmp_path / "none", image_size=8)
    with pytest.raises(ValueError, match=r"^path: expected a folder of .bmp, .gif, .jpeg, "):
        folder(tmp_path, image_size=8)
    fill(tmp_path, 3)
    with pytest.raises(ValueError, match=r"^crop: expected at most .* got 9 for .*png of 8 x 8"):
        folder(tmp_path, image_size=8, crop=9)
    with pytest.raises(ValueError, match=r"^image_size: expected a positive number or .*, got 0"):
        folder(tmp_path, image_size=0)
    with pytest.raises(ValueError, match=r"^channels: expected 1 or 3, got 2"):
        folder(tmp_path, image_size=8, channels=2)
    for damage in (b"", b"<html>", (tmp_path / "000.png").read_bytes()[:45]):
        (tmp_path / "001.png").write_bytes(damage)
        with pytest.raises(ValueError, match=r"^path: .* got a damaged .*001.png .*skip_damaged=T"):
            folder(tmp_path, image_size=8)


def test_transforms(tmp_path):
    fill(tmp_path, 20)
    train = folder(tmp_path, image_size=8, standardize=True, flip=True)["train"]
    np.testing.assert_allclose(train.images(np.arange(18)).mean(0), 0, atol=1e-5)


def test_pictures_below_a_folder_are_those_of_all_its_splits(tmp_path):
    for name in ("train/a.png", "test/b.png", "c.png"):
        save(tmp_path / name, np.full((8, 8), 200 + len(name), np.uint8))
    pixels, names = pictures(tmp_path, image_size=8, channels=1)
    assert names == ["c.png", "test/b.png", "train/a.png"]
    assert pixels.shape == (3, 8, 8, 1) and pixels[:, 0, 0, 0].tolist() == [205, 210, 211]
    alone, names = pictures(tmp_path / "test" / "b.png", image_size=8, channels=1)
    assert names == ["b.png"] and (alone == 210).all()
    (tmp_path / "empty").mkdir()
    for nowhere in (tmp_path / "none", tmp_path / "empty"):
        with pytest.raises(ValueError, match="path: expected a folder of .png|path: expected a f"):
            pictures(nowhere, image_size=8)


def test_more_formats(tmp_path):
    pixels = [np.full((8, 8, 3), (value, 0, 255), np.uint8) for value in range(100, 160, 10)]
    for name, value in zip(("a.bmp", "b.TIF", "c.tiff", "d.gif"), pixels, strict=False):
        save(tmp_path / name, value)
    Image.fromarray(pixels[4]).save(tmp_path / "e.tif", compression="tiff_lzw")
    found, names = pictures(tmp_path, image_size=8)
    assert names == ["a.bmp", "b.TIF", "c.tiff", "d.gif", "e.tif"]
    np.testing.assert_array_equal(found, pixels[:5])
    frames = [Image.fromarray(value) for value in pixels[:2]]
    frames[0].save(tmp_path / "f.gif", save_all=True, append_images=frames[1:])
    frames[1].save(tmp_path / "g.tiff", save_all=True, append_images=frames[:1])
    deep = np.linspace(0, 65535, 8).astype(np.uint16)[None].repeat(8, 0)
    Image.fromarray(deep).save(tmp_path / "h.tif")
    line = "1 reduced from 16 bits to 8, 2 the first of several frames"
    with pytest.warns(UserWarning, match=f"^path: of 8 pictures in .*: {line}$"):
        found, _ = pictures(tmp_path, image_size=8)
    np.testing.assert_array_equal(found[5:7], pixels[:2])
    np.testing.assert_array_equal(found[7], (deep >> 8)[..., None].repeat(3, -1))


def test_damaged_files_are_all_named_or_skipped(tmp_path):
    fill(tmp_path, 20)
    for name in ("003.png", "011.png"):
        (tmp_path / name).write_bytes(b"<html>")
    with pytest.raises(ValueError, match=r"damaged .*003.png .*; and 1 more: 011.png; skip_dam"):
        folder(tmp_path, image_size=8)
    line = r"^path: read 18 of 20 files in .* \(2 skipped: 003.png, 011.png\)$"
    for _ in range(2):  # in every run
        with pytest.warns(UserWarning, match=line):
            splits = folder(tmp_path, image_size=8, skip_damaged=True)
    assert sum(map(len, splits.values())) == 18
    found = np.sort(np.concatenate([greys(source) for source in splits.values()]))
    np.testing.assert_array_equal(found, [200 + i for i in range(20) if i not in (3, 11)])
    with pytest.raises(ValueError, match=r"003.png .*; and 1 more: 011.png"):  # not so the others
        folder(tmp_path, image_size=8)
    with pytest.warns(UserWarning, match=line):
        pixels, names = pictures(tmp_path, image_size=8, skip_damaged=True)
    assert len(names) == 18 and "003.png" not in names
    assert pixels[names.index("012.png"), 0, 0, 0] == 212


def test_nothing_but_damaged_files(tmp_path):
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(ValueError, match=r"a.png .*; and 1 more: b.png, and no other picture is"):
        folder(tmp_path, image_size=8, skip_damaged=True)


def test_images_need_not_be_square(tmp_path):
    for i in range(4):
        save(tmp_path / f"{i}.png", flat(200, 40, 30))
    splits = folder(tmp_path, image_size=(28, 20), aspect="pad")
    assert splits["train"].image_shape == (28, 20, 3)
    image = np.asarray(splits["train"].images(np.array([0])))[0, :, :, 0]
    np.testing.assert_allclose(image[:27], 200 / 255, rtol=1e-5)  # 20 wide is 27 high
    np.testing.assert_allclose(image[27], 1)


def test_sub_folders_are_classes(tmp_path):
    for split, count in (("train", 3), ("test", 2)):
        for number, name in enumerate(("cat", "dog/small", "eel")):
            if (split, name) != ("train", "cat"):  # which only the test split has
                fill(tmp_path / split / name, count, first=200 + 10 * number)
    splits = folder(tmp_path, image_size=8, labels=True)
    for source in splits.values():
        assert source.num_labels == 3
        label = np.asarray(source.batch(np.arange(len(source)))["label"])
        np.testing.assert_array_equal(label, (greys(source) - 200) // 10)
    save(tmp_path / "train" / "x.png", flat(9))
    with pytest.raises(ValueError, match=r"^labels: expected every picture in a sub-folder of .*x"):
        folder(tmp_path, image_size=8, labels=True)
