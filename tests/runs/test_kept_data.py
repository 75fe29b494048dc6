"""Data are known again by their fingerprint, and other data are told from them."""

import json
import shutil
import time

import jax
import numpy as np
import pytest

from vaejax import data
from vaejax.data import ArraySource
from vaejax.runs.config import ConfigError
from vaejax.runs.kept_data import DATA_FILE, check_same_data, fingerprint, keep_data


def images(number=60, size=8, channels=1, seed=0):
    shape = (number, size, size, channels)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def factors(number=60, seed=0):
    return np.random.default_rng(seed).integers(0, 3, (number, 1))


def source(pixels, values=None):
    return ArraySource(
        pixels,
        factors=factors(len(pixels)) if values is None else values,
        factor_names=("shape",),
        factor_sizes=(3,),
    )


def found(pixels, values=None, name="array", **others):
    return fingerprint(name, {"train": source(pixels, values), **others})


@pytest.fixture
def kept(tmp_path):
    keep_data(tmp_path, found(images()))
    return tmp_path


def test_it_is_kept_as_json_and_known_again(kept):
    check_same_data(kept, found(images()))
    check_same_data(kept, found(images(), test=source(images(9))))  # a split that it has not seen
    assert json.loads((kept / DATA_FILE).read_text())["splits"]["train"]["number"] == 60


def altered(index):
    pixels = images()
    pixels[index, 3, 3] ^= 1
    return pixels


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (lambda: found(images(59)), "expected 60 images in 'train', got 59"),
        (lambda: found(images(60, 9)), "expected images of 8 x 8 x 1 in 'train', got 9 x 9 x 1"),
        (lambda: found(images(channels=3)), "expected images of 8 x 8 x 1 .*, got 8 x 8 x 3"),
        (lambda: found(images(seed=1)), "same 60 images in 'train', got others: 60 of 60 compared"),
        (lambda: found(altered(0)), "got others: 1 of 60 compared are not the same"),
        (lambda: found(altered(59)), "got others: 1 of 60 compared are not the same"),
        (lambda: found(images()[::-1]), "got others: 60 of 60 compared are not the same"),
        (lambda: found(images(), factors(seed=1)), "expected the same factors in 'train'"),
        (lambda: found(images(), name="folder"), "expected the data set 'array', got 'folder'"),
        (
            lambda: fingerprint("array", {"test": source(images())}),
            r"expected a split 'train', got \['test'\]",
        ),
    ],
)
def test_other_data_are_refused_with_the_difference(kept, other, message):
    with pytest.raises(ConfigError, match=f"^config.data: .*{message}.* remove .*data.json"):
        check_same_data(kept, other())


def test_numbers_are_readable(tmp_path):
    keep_data(tmp_path, found(images(8000, 2)))
    with pytest.raises(ConfigError, match="expected 8,000 images in 'train', got 7,990"):
        check_same_data(tmp_path, found(images(7990, 2)))


@pytest.mark.parametrize("damage", [b"", b"{", b"\xff", b"flip"])
def test_a_damaged_fingerprint_is_told_and_forgotten(kept, damage, capsys):
    path = kept / DATA_FILE
    content = path.read_bytes()
    path.write_bytes(content.replace(b"60", b"61") if damage == b"flip" else damage)
    check_same_data(kept, found(images(seed=1)))
    assert capsys.readouterr().out.startswith(f"{path}: it is damaged")
    path.unlink()
    check_same_data(kept, found(images(seed=1)))  # a run of an older version
    assert capsys.readouterr().out == ""


def test_what_is_random_in_images_does_not_change_it(tmp_path, monkeypatch):
    """Nor does a new place, a new order of the file system, or the number of devices."""
    path = tmp_path / "x.npy"
    np.save(path, images())
    moved = shutil.copy(path, tmp_path / "moved.npy")
    wanted = fingerprint("array", data.array(path))
    for options in ({"flip": True}, {"binarize": "dynamic"}, {"binarize": "fixed", "flip": True}):
        assert fingerprint("array", data.array(moved, **options)) == wanted
    assert fingerprint("array", data.array(moved, standardize=True)) == wanted
    devices = jax.devices()
    monkeypatch.setattr(jax, "devices", lambda: devices[:1])
    assert fingerprint("array", data.array(path)) == wanted


def test_images_that_are_drawn_have_one_too():
    whole, again, upright = (
        fingerprint("dsprites", data.dsprites(fixed=fixed))["splits"]["test"]
        for fixed in (None, {}, {"orientation": 0})
    )
    assert whole == again and whole["number"] == 73_728 and len(set(whole["images"])) == 256
    assert whole["images"] != upright["images"] and whole["factors"] != upright["factors"]


@pytest.mark.parametrize("make", [lambda: data.dsprites(), lambda: {"train": big()}])
def test_it_costs_next_to_nothing(make):
    splits = make()
    times = []
    for _ in range(3):
        start = time.perf_counter()
        fingerprint("any", splits)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.2


def big():
    """Enough large images that not all of them are looked at."""
    return ArraySource(np.full((300, 256, 256, 3), 200, np.uint8))


@pytest.mark.parametrize(
    "kept", [{"name": "any"}, {"name": "any", "splits": {"train": 3}}, "fewer"]
)
def test_a_fingerprint_of_another_version_is_told(tmp_path, capsys, kept):
    found = fingerprint("any", {"train": ArraySource(images())})
    if kept == "fewer":
        train = found["splits"]["train"]
        kept = {**found, "splits": {"train": {**train, "images": train["images"][1:]}}}
    keep_data(tmp_path, kept)
    check_same_data(tmp_path, found)
    assert "data.json: it is of another version" in capsys.readouterr().out
