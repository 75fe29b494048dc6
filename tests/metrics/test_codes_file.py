"""Codes in a file: by which names, and what is wrong with others."""

import numpy as np
import pytest

from vaejax.metrics.codes_file import read_codes
from vaejax.runs.codes_file import save_codes
from vaejax.types import Latent

CODES, FACTORS = np.ones((4, 2), np.float32), np.zeros((4, 3), np.int64)


@pytest.fixture
def saved(tmp_path):
    def save(**arrays):
        np.savez(tmp_path / "codes.npz", **arrays)
        return str(tmp_path / "codes.npz")

    return save


@pytest.mark.parametrize("name", ["codes", "z", "means"])
def test_codes_are_known_by_their_names(saved, name):
    names = np.array(["a", "b", "c"])
    read = read_codes(saved(**{name: CODES}, factors=FACTORS, factor_names=names, other=CODES))
    np.testing.assert_array_equal(read["codes"], CODES)
    np.testing.assert_array_equal(read["factors"], FACTORS)
    assert read["factor_names"] == ["a", "b", "c"] and set(read) == {
        "codes", "factors", "factor_names",
    }  # fmt: skip


def test_another_name_is_given(saved):
    path = saved(mine=2 * CODES, levels=FACTORS, codes=CODES)
    read = read_codes(path, codes="mine", factors="levels")
    np.testing.assert_array_equal(read["codes"], 2 * CODES)


def test_what_encode_writes_is_read_whole(tmp_path):
    class Gaussian:
        scale = np.full((4, 2), 0.5, np.float32)

    latent = Latent(CODES, None, None, np.ones(4), 0.5 * CODES, None, Gaussian)
    path = tmp_path / "codes_test_8.npz"
    save_codes(path, list("abcd"), [latent], [latent], factors=FACTORS, factor_names=["x", "y"])
    read = read_codes(str(path))
    np.testing.assert_allclose(read["log_vars"], 2 * np.log(0.5))
    np.testing.assert_array_equal(read["kls"], 0.5 * CODES)
    assert read["factor_names"] == ["x", "y"]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"factors": FACTORS}, "expected one array of codes, called .* got .'factors'.; --codes"),
        ({"codes": CODES}, "expected an array 'factors', got .'codes'.; --factors says"),
        ({"z": CODES, "codes": CODES}, "expected one array of codes, .* got .'z', 'codes'.; --co"),
        (
            {"mean_0": CODES, "mean_1": CODES, "factors": FACTORS},
            "expected one array of codes, .* got .'mean_0', 'mean_1'.; --codes says which",
        ),
        (
            {"z": CODES, "factors": FACTORS, "factor_names": np.array(["a", None])},
            "expected factor_names as text",
        ),
    ],
)
def test_what_is_not_there_is_said(saved, arrays, message):
    with pytest.raises(ValueError, match=message):
        read_codes(saved(**arrays))


def test_what_is_no_such_file_is_said(tmp_path):
    np.save(tmp_path / "codes.npy", CODES)
    (tmp_path / "text.npz").write_text("no archive")
    reasons = {"codes.npy": "single array", "text.npz": "", "none.npz": "No such"}
    for name, reason in reasons.items():
        with pytest.raises(ValueError, match=f"{name}: expected an .npz file of .*{reason}"):
            read_codes(str(tmp_path / name))
