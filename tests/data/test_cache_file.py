"""A byte that has changed in a file of pixels is found, whichever it is."""

import numpy as np
import pytest

from vaejax.data.cache_file import BLOCK, CacheFile

SHAPE = (2 * BLOCK + 5, 3, 2, 1)
PIXELS = np.random.default_rng(0).integers(0, 256, SHAPE, np.uint8)


@pytest.fixture
def cache(tmp_path):
    cache = CacheFile(tmp_path / "x.npy", SHAPE, key=("made of", 3))
    cache.write(cache.path, lambda block: PIXELS[block.start : block.stop])
    return cache


def test_it_is_an_array_file(cache):
    np.testing.assert_array_equal(np.load(cache.path), PIXELS)
    np.testing.assert_array_equal(np.load(cache.path, mmap_mode="r"), PIXELS)
    assert cache.problem() is None
    assert isinstance(cache.pixels(), np.memmap) and not cache.pixels().flags.writeable
    np.testing.assert_array_equal(cache.pixels(), PIXELS)


def test_a_note_is_kept_with_the_pixels(cache):
    assert cache.note() == ""
    cache.write(cache.path, lambda b: PIXELS[b.start : b.stop], lambda: "3 réduced")
    assert cache.problem() is None and cache.note() == "3 réduced"
    np.testing.assert_array_equal(cache.pixels(), PIXELS)
    np.testing.assert_array_equal(np.load(cache.path), PIXELS)


@pytest.mark.parametrize("note", ["", "of 9 pictures"])
def test_every_bit_is_watched(cache, note):
    cache.write(cache.path, lambda b: PIXELS[b.start : b.stop], lambda: note)
    whole = cache.path.read_bytes()
    for position in range(len(whole)):
        flipped = bytearray(whole)
        flipped[position] ^= 1 << position % 8
        cache.path.write_bytes(flipped)
        assert cache.problem(), position
    cache.path.write_bytes(whole)
    assert cache.problem() is None


def test_the_first_damaged_pictures_are_named(cache):
    whole = bytearray(cache.path.read_bytes())
    for picture in (2 * BLOCK + 1, BLOCK + 3):
        whole[128 + picture * 6] ^= 1
    cache.path.write_bytes(whole)
    assert cache.problem() == f"is damaged at number {BLOCK} or soon after"


@pytest.mark.parametrize("size", [0, 1, 127, 128, 500, -1, -4])
def test_a_file_cut_short_or_grown(cache, size):
    whole = cache.path.read_bytes()
    cache.path.write_bytes(whole[:size])
    assert "cut short" in cache.problem()
    cache.path.write_bytes(whole + b"\0\0\0\0")
    assert "its checksums are damaged" in cache.problem()


def test_an_array_file_without_checksums(cache):
    np.save(cache.path, PIXELS)
    assert "earlier version" in cache.problem()


def test_pixels_made_from_something_else(cache):
    assert CacheFile(cache.path, SHAPE, key=("made of", 4)).problem().startswith("is of other")
    assert CacheFile(cache.path, (SHAPE[0], 2, 3, 1), key=("made of", 3)).problem()


def test_what_cannot_be_made_is_raised(tmp_path):
    def fail(block):
        raise ValueError(f"no {block.start}")

    cache = CacheFile(tmp_path / "x.npy", SHAPE, None)
    with pytest.raises(ValueError, match="no 0"):
        cache.write(cache.path, fail)
