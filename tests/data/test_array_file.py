"""Files of arrays, and what goes under their names."""

import io
import zipfile

import numpy as np
import pytest

from vaejax.data.array_file import load_array

GREY = np.random.default_rng(0).integers(0, 256, (30, 4, 5), dtype=np.uint8)


def npy(header, data=b"\0" * 1000):
    """A file with a header of one's own."""
    header = header.ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + data


def described(shape, descr="'|u1'"):
    return npy(f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}")


def test_npy_is_mapped_and_npz_read(tmp_path):
    np.save(tmp_path / "a.npy", GREY)
    np.savez(tmp_path / "b.npz", anything=GREY)
    mapped = load_array(tmp_path / "a.npy")
    assert isinstance(mapped, np.memmap) and not mapped.flags.writeable
    for found in (
        mapped,
        load_array(tmp_path / "b.npz"),
        load_array(tmp_path / "b.npz", "anything"),
    ):
        np.testing.assert_array_equal(found, GREY)


def test_suffixes_in_any_case(tmp_path):
    np.save(tmp_path / "a.npy", GREY)
    (tmp_path / "a.npy").rename(tmp_path / "A.NPY")
    np.testing.assert_array_equal(load_array(tmp_path / "A.NPY"), GREY)


DAMAGED = {
    "negative": described("(-5, 8, 8)"),
    "two negative": described("(-5, -8, 8)"),
    "huge": described("(99999999999999999999, 8, 8)"),
    "too large": described("(4000000000, 4000000000, 8)"),
    "longer than the file": described("(5000, 8, 8)"),
    "fractions": described("(5.0, 8, 8)"),
    "objects": described("(5, 8, 8)", "'|O'"),
    "no type": described("(5, 8, 8)", "'?x'"),
    "no end": npy("{'descr': '|u1', 'fortran_order': False, 'shape': (5, 8"),
    "no header": b"\x93NUMPY",
    "version": b"\x93NUMPY\x09\x00" + bytes(100),
    "text": b"hello",
    "pickle": b"\x80\x04K\x01.",
    "empty": b"",
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_npy_is_one_line(tmp_path, damage):
    (tmp_path / "x.npy").write_bytes(DAMAGED[damage])
    with pytest.raises(
        ValueError, match=r"^path: expected a whole file, got a damaged .*x.npy \(.*\)$"
    ) as caught:
        load_array(tmp_path / "x.npy")
    assert str(caught.value).count("\n") <= 1


def test_a_damaged_npz_is_one_line(tmp_path):
    np.savez(tmp_path / "x.npz", a=GREY)
    whole = (tmp_path / "x.npz").read_bytes()
    start = whole.index(GREY.tobytes()[:20])
    flipped = bytearray(whole)
    flipped[start + 7] ^= 1
    for damage in (b"", b"hello", whole[:-40], whole[: start + 99], bytes(flipped)):
        (tmp_path / "x.npz").write_bytes(damage)
        with pytest.raises(
            ValueError, match=r"^path: expected a whole file, .* damaged .*x.npz \("
        ):
            load_array(tmp_path / "x.npz")


def test_one_kind_under_the_name_of_the_other(tmp_path):
    np.savez(tmp_path / "a.npz", a=GREY)
    np.save(tmp_path / "b.npy", GREY)
    (tmp_path / "a.npz").rename(tmp_path / "x.npy")
    (tmp_path / "b.npy").rename(tmp_path / "y.npz")
    with pytest.raises(ValueError, match=r"^path: expected a .npy file, got a .npz file .*x.npy$"):
        load_array(tmp_path / "x.npy")
    with pytest.raises(ValueError, match=r"^path: expected a .npz file, got a .npy file .*y.npz$"):
        load_array(tmp_path / "y.npz")


def test_no_such_file_or_array(tmp_path):
    with pytest.raises(ValueError, match=r"^path: expected a .* file, got .*none.npy, which does"):
        load_array(tmp_path / "none.npy")
    with pytest.raises(ValueError, match=r"^path: expected a .npy or .npz file, got .*data.txt"):
        load_array(tmp_path / "data.txt")
    (tmp_path / "folder.npy").mkdir()
    with pytest.raises(ValueError, match=r"^path: expected a .npy or .npz file, got .*folder.npy$"):
        load_array(tmp_path / "folder.npy")
    np.savez(tmp_path / "two.npz", a=GREY, b=GREY)
    with pytest.raises(ValueError, match=r"^path: expected one array, .* got \['a', 'b'\]"):
        load_array(tmp_path / "two.npz")
    with pytest.raises(ValueError, match=r"^path: expected an array 'c' .* got \['a', 'b'\]"):
        load_array(tmp_path / "two.npz", "c")


def test_a_zip_of_other_things_holds_no_array(tmp_path):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("notes.txt", "hello")
    (tmp_path / "x.npz").write_bytes(file.getvalue())
    with pytest.raises(ValueError, match=r"^path: expected an array 'notes.txt' in .*x.npz"):
        load_array(tmp_path / "x.npz")
