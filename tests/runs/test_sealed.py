"""A flipped digit in a sealed file is found, wherever it is."""

import json

from vaejax.runs.sealed import read_sealed, sealed, write_sealed

VALUES = {"a": 1.5, "b": {"c": [1, None, "x"], "d": True}, "e": 10**12}


def test_what_was_sealed_is_read(tmp_path):
    path = tmp_path / "x.json"
    write_sealed(path, VALUES)
    assert read_sealed(path) == VALUES
    assert json.loads(path.read_text()) == sealed(VALUES)


def test_every_flipped_bit_is_found(tmp_path):
    path = tmp_path / "x.json"
    write_sealed(path, VALUES)
    content = path.read_bytes()
    for place in range(8 * len(content)):
        altered = bytearray(content)
        altered[place // 8] ^= 1 << place % 8
        path.write_bytes(altered)
        assert read_sealed(path) in (None, VALUES)  # spaces mean nothing


def test_what_is_not_whole_is_none(tmp_path):
    path = tmp_path / "x.json"
    assert read_sealed(path) is None
    for content in (b"", b"{", b"[1]", b"{}", b"\xff\xfe", b"null", b"[" * 100_000):
        path.write_bytes(content)
        assert read_sealed(path) is None
