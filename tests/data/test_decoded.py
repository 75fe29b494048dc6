"""The cache of decoded pictures."""

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
        decoded(path, 6, SHAPE, picture, description="test")
    else:
        path.write_bytes({"cut": whole[:-1], "empty": b"", "text": b"hello"}[spoil])
    again = decoded(path, 5, SHAPE, picture, description="test")
    assert again.shape == (5, *SHAPE)
    assert path.read_bytes() == whole


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
