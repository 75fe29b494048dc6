"""The cache of decoded pictures."""

import os

import numpy as np
import pytest

from vaejax.data.decoded import cache_path, decoded

SHAPE = (2, 3, 1)


def picture(index):
    return np.full(SHAPE, index % 256, np.uint8)


def refuse(index):
    raise AssertionError("the pictures were there already")


def test_decodes_once(tmp_path):
    path = tmp_path / "new" / "pictures.npy"
    first = decoded(path, 300, SHAPE, picture, description="test")
    np.testing.assert_array_equal(first, np.stack([picture(i) for i in range(300)]))
    assert isinstance(first, np.memmap)
    assert not first.flags.writeable
    np.testing.assert_array_equal(decoded(path, 300, SHAPE, refuse, description="test"), first)
    assert [file.name for file in path.parent.iterdir()] == ["pictures.npy"]


@pytest.mark.parametrize("spoil", ["cut", "empty", "text", "shape"])
def test_a_damaged_or_other_file_is_replaced(tmp_path, spoil):
    path = tmp_path / "pictures.npy"
    decoded(path, 5, SHAPE, picture, description="test")
    whole = path.read_bytes()
    if spoil == "shape":
        path.unlink()
        decoded(path, 6, SHAPE, picture, description="test")
    else:
        path.write_bytes({"cut": whole[:-1], "empty": b"", "text": b"hello"}[spoil])
    with pytest.warns(UserWarning, match=r"pictures.npy is cut short.*; what it holds is decoded"):
        again = decoded(path, 5, SHAPE, picture, description="test")
    assert again.shape == (5, *SHAPE)
    assert path.read_bytes() == whole


def test_a_flipped_byte_is_found_and_decoded_again(tmp_path):
    path = tmp_path / "pictures.npy"
    decoded(path, 300, SHAPE, picture, description="test")
    whole = path.read_bytes()
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    flipped = bytearray(whole)
    flipped[-1000] ^= 16
    path.write_bytes(flipped)
    os.utime(path, ns=times)  # a disk that fails sets no times
    with pytest.warns(UserWarning, match=r"pictures.npy is damaged at number .* decoded again$"):
        again = decoded(path, 300, SHAPE, picture, description="test")
    np.testing.assert_array_equal(again, np.stack([picture(i) for i in range(300)]))
    assert path.read_bytes() == whole
    decoded(path, 300, SHAPE, refuse, description="test")


def test_what_else_the_pictures_depend_on(tmp_path):
    path = tmp_path / "pictures.npy"
    decoded(path, 5, SHAPE, picture, description="test", key=("files", 1))
    decoded(path, 5, SHAPE, refuse, description="test", key=("files", 1))
    with pytest.warns(UserWarning, match=r"pictures.npy is of other pictures"):
        decoded(path, 5, SHAPE, picture, description="test", key=("files", 2))


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (np.zeros((2, 1, 1), np.uint8), r"test, 0: expected shape \(2, 3, 1\), got \(2, 1, 1\)"),
        (np.zeros((2, 3, 3), np.uint8), r"test, 0: expected shape \(2, 3, 1\), got \(2, 3, 3\)"),
        (np.full(SHAPE, 256), r"test, 0: expected 0 to 255, got 256 to 256"),
        (np.full(SHAPE, -1), r"test, 0: expected 0 to 255, got -1 to -1"),
        (np.full(SHAPE, 0.5), r"test, 0: expected integers, got float64"),
    ],
)
def test_pictures_are_not_stretched_and_values_not_cut(tmp_path, made, message):
    with pytest.raises(ValueError, match=message):
        decoded(tmp_path / "x.npy", 5, SHAPE, lambda index: made, description="test")
    with pytest.raises(ValueError, match=r"^test: expected at least one picture, got none"):
        decoded(tmp_path / "x.npy", 0, SHAPE, refuse, description="test")


def test_an_error_leaves_nothing_behind(tmp_path):
    def fail(index):
        if index == 100:
            raise ValueError("damaged picture 100")
        return picture(index)

    with pytest.raises(ValueError, match="damaged picture 100"):
        decoded(tmp_path / "pictures.npy", 300, SHAPE, fail, description="test")
    assert list(tmp_path.iterdir()) == []


def test_progress_is_shown(tmp_path, capfd):
    decoded(tmp_path / "pictures.npy", 70, SHAPE, picture, description="my pictures")
    shown = capfd.readouterr().err
    assert "my pictures: 100%" in shown
    assert "70/70" in shown


def test_cache_path_depends_on_the_key(cache_folder, monkeypatch, tmp_path):
    path = cache_path("faces", (1, "a"))
    assert path == cache_path("faces", (1, "a"))
    assert path != cache_path("faces", (1, "b"))
    assert path.parent == cache_folder / "vaejax" / "data"
    assert path.name.startswith("faces-")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_path("faces", 1).is_relative_to(tmp_path / ".cache" / "vaejax")
