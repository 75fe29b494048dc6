"""All values of an array of images are looked at, at the speed of reading them."""

import re
import time
import warnings

import jax.numpy as jnp
import numpy as np
import pytest

from vaejax.data import array_checks
from vaejax.data.array_checks import brightest, check_images, warn_unless_pictures
from vaejax.data.arrays import ArraySource

FLOATS = ["<f2", "<f4", "<f8", ">f2", ">f4", ">f8", np.longdouble]
BAD = [np.nan, np.inf, -np.inf, 1.01, -0.01, 255.0]


def images(*shape, dtype=np.float32):
    return np.random.default_rng(0).random(shape or (700, 6, 5, 3)).astype(dtype)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("bad", BAD)
def test_one_bad_value_anywhere_is_found(dtype, bad):
    for index in (0, 333, 699):
        some = images(dtype=dtype)
        some[index, 3, 4, 1] = bad
        with pytest.raises(ValueError, match=rf"got floats from \S+ to \S+ in images\[{index}\]$"):
            check_images(some)


@pytest.mark.parametrize("layout", ["rows", "columns", "axes", "reversed", "every other"])
@pytest.mark.parametrize("stored", [False, True])
def test_however_it_lies_in_memory_or_in_a_file(tmp_path, layout, stored):
    some = images()
    some[333, 3, 4, 1] = np.nan
    if layout == "columns":
        some = np.asfortranarray(some)
    if stored:
        np.save(tmp_path / "x.npy", some)
        some = np.load(tmp_path / "x.npy", mmap_mode="r")
    view = {
        "axes": some.transpose(0, 2, 1, 3),
        "reversed": some[::-1],
        "every other": some[1::2],
    }.get(layout, some)
    index = {"reversed": 366, "every other": 166}.get(layout, 333)
    file = " of x.npy" if stored else ""
    with pytest.raises(ValueError, match=rf"floats from nan to nan in images\[{index}\]{file}$"):
        check_images(view)


def test_the_first_bad_image_is_named_whatever_block_it_is_in(monkeypatch):
    monkeypatch.setattr(array_checks, "BLOCK", 100)
    some = images()
    some[[222, 500]] = -1
    with pytest.raises(ValueError, match=r"floats from -1.0 to -1.0 in images\[222\]"):
        check_images(some)


@pytest.mark.parametrize("dtype", FLOATS)
def test_the_edges_of_the_range_are_in_it(dtype):
    some = np.array([0.0, -0.0, 1.0, np.finfo(dtype).tiny], dtype).reshape(1, 2, 2)
    check_images(some)
    assert brightest(some) == 1.0
    assert brightest(np.full((2, 2, 2), -0.0, dtype)) == 0.0


@pytest.mark.parametrize("dtype", [*FLOATS, np.uint8, bool])
def test_brightest_is_the_largest_value(dtype):
    some = (255 * images()).astype(dtype) if dtype is np.uint8 else images(dtype=dtype)
    for view in (some, some[::-1, ::2], some.transpose(0, 3, 1, 2), np.asfortranarray(some)):
        assert brightest(view) == pytest.approx(float(view.max()), rel=1e-7)


@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
def test_a_file_is_looked_at_once_until_it_changes(tmp_path, monkeypatch, dtype):
    path = tmp_path / "x.npy"
    looked = []
    find = array_checks._brightest
    monkeypatch.setattr(array_checks, "_brightest", lambda x: looked.append(1) or find(x))

    def look(value):
        np.save(path, np.full((5, 4, 4), value, dtype))
        return [brightest(np.load(path, mmap_mode="r")) for _ in range(3)]

    assert look(1) == [1.0] * 3 and len(looked) == 1
    assert look(0) == [0.0] * 3 and len(looked) == 2
    part = np.load(path, mmap_mode="r")[1:]  # what is remembered is of the whole file
    assert brightest(part) == 0.0 and len(looked) == 3


def test_what_is_written_to_a_map_is_looked_at(tmp_path):
    np.save(tmp_path / "x.npy", images())
    check_images(np.load(tmp_path / "x.npy", mmap_mode="r"))
    written = np.load(tmp_path / "x.npy", mmap_mode="c")
    written[333] = np.nan
    with pytest.raises(ValueError, match=r"in images\[333\]"):
        check_images(written)


def test_a_bad_file_is_refused_every_time(tmp_path):
    np.save(tmp_path / "x.npy", np.full((5, 4, 4), np.nan))
    for _ in range(2):
        with pytest.raises(ValueError, match=r"in images\[0\] of x.npy"):
            check_images(np.load(tmp_path / "x.npy", mmap_mode="r"))


def test_speed(tmp_path):
    """A GB a second at the very least, of a file too."""
    np.save(tmp_path / "x.npy", images(8000, 32, 32, 3))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        array_checks._brightest(mapped)
        seconds.append(time.perf_counter() - start)
    assert mapped.nbytes / min(seconds) > 0.5e9  # of a machine that others use too


class Tensor:
    """What other libraries call an array."""

    shape, dtype, ndim = (5, 4, 4), "float32", 3


@pytest.mark.parametrize(
    ("given", "got"),
    [
        ([[[0.0]]], "got a builtins.list"),
        (Tensor(), "got a tests.data.test_array_checks.Tensor"),
        (None, "got a builtins.NoneType"),
        (np.ma.masked_array(np.zeros((5, 4, 4)), True), "got a numpy.ma.*MaskedArray"),
        (np.zeros((4, 4)), r"got shape \(4, 4\)"),
        (np.zeros((0, 4, 4)), r"got shape \(0, 4, 4\)"),
        (np.zeros((5, 2, 8, 8, 3)), r"got shape \(5, 2, 8, 8, 3\)"),
        (np.zeros((5, 4, 4), np.int64), r"got int64; images.astype\(np.uint8\)"),
        (np.zeros((5, 4, 4), np.int8), r"got int8; images.astype\(np.uint8\)"),
        (np.zeros((5, 4, 4), np.uint16), r"got uint16; \(images >> 8\).astype\(np.uint8\)"),
        (np.zeros((5, 4, 4), complex), "got complex128"),
        (np.zeros((5, 4, 4), object), "got object"),
        (np.zeros((5, 4, 4), "U3"), "got <U3"),
        (np.zeros((5, 4, 4), [("red", "u1")]), r"got \[\('red', 'u1'\)\]"),
        (np.zeros((5, 4, 4), jnp.bfloat16), "got bfloat16"),
        (np.zeros((50, 3, 32, 32)), r"got .*channels first; images.transpose\(0, 2, 3, 1\)"),
        (np.zeros((50, 5, 8, 8)), r"got .*channels first"),
        (np.zeros((50, 1, 28, 20), np.uint8), r"got .*channels first"),
        (np.zeros((32, 28, 3), np.uint8), r"got .*one image \[H, W, C\]; images\[None\]"),
    ],
)
def test_what_is_no_array_of_images(given, got):
    with pytest.raises(ValueError, match=rf"^images: expected \[N, H, W\] or .*{got}") as caught:
        check_images(given)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5, 13])
def test_any_number_of_channels(channels):
    check_images(np.zeros((5, 8, 8, channels), np.uint8))


def test_small_images_are_not_taken_for_transposed_ones():
    for shape in ((9, 4, 4, 3), (9, 2, 2), (9, 1, 8, 3), (9, 3, 3, 3), (3, 3, 3)):
        check_images(np.zeros(shape, np.uint8))


def told(images):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_unless_pictures(images)
    return [str(warning.message) for warning in caught]


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_dark_images_are_told(dtype):
    white = 255 if dtype == np.uint8 else 1
    images = np.zeros((200, 8, 8))
    images[33, 2, 1] = 0.51 * white  # one pixel of all
    assert told(images.astype(dtype)) == []
    images[33, 2, 1] = 0.49 * white
    (line,) = told(images.astype(dtype))
    assert re.search(rf"brightest pixel of all is \S+ of {white}: they are dark", line)


def test_class_numbers_are_told_apart_from_pictures():
    draws = np.random.default_rng(0)
    for top in (1, 2, 16):
        classes = draws.integers(0, top + 1, (70, 8, 8)).astype(np.uint8)
        (line,) = told(classes)
        assert f"is {top} of 255: they are dark" in line
        classes[69, 3] = 255  # no class
        (line,) = told(classes)
        assert f"the pixels are 0 to {top}, and 255: they look like class numbers" in line
    assert told(classes[..., None][:, 1::2]) == told(classes)  # a view too
    for levels in ([0, 255], [0, 85, 170, 255], [0, 100, 255], range(256), np.arange(16) * 17):
        assert told(draws.choice(np.array(levels, np.uint8), (70, 8, 8))) == []
    assert told(draws.integers(0, 2, (70, 8, 8)) > 0) == []


def test_a_source_of_any_array_is_looked_at():
    with pytest.warns(UserWarning, match="is 16 of 255: they are dark"):
        ArraySource((np.arange(640, dtype=np.uint8) % 17).reshape(10, 8, 8))
