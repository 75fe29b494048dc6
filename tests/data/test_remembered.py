"""Facts about files are found once, and again where a file has changed."""

import os

import pytest

from vaejax.data.remembered import cache_folder, remembered


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "file.bin"
    path.write_bytes(b"content")
    return path


def counting():
    """A function that finds something else each time."""
    values = iter(range(100))
    return lambda: next(values)


def test_found_once(file, cache_folder):
    find = counting()
    assert [remembered(file, "size", find) for _ in range(3)] == [0, 0, 0]
    (record,) = cache_folder.rglob("*.json")
    assert record.name.startswith("file.bin-")


def test_found_again_where_anything_about_the_file_has_changed(file):
    find = counting()
    assert remembered(file, "fact", find) == 0
    file.write_bytes(b"longer content")
    assert remembered(file, "fact", find) == 1
    times = file.stat().st_atime_ns, file.stat().st_mtime_ns
    file.write_bytes(b"LONGER CONTENT")
    os.utime(file, ns=times)  # what rsync and tar do
    assert remembered(file, "fact", find) == 2
    replacement = file.with_name("other")
    replacement.write_bytes(b"LONGER CONTENT")
    os.utime(replacement, ns=times)
    os.replace(replacement, file)
    assert remembered(file, "fact", find) == 3
    assert remembered(file, "fact", find) == 3


def test_facts_and_files_are_told_apart(file, tmp_path):
    find = counting()
    other = tmp_path / "deeper" / "file.bin"
    other.parent.mkdir()
    other.write_bytes(b"content")
    facts = [(file, "a"), (file, "b"), (file, ("a", 1)), (other, "a")]
    assert [remembered(*fact, find) for fact in facts] == [0, 1, 2, 3]
    assert [remembered(*fact, find) for fact in facts] == [0, 1, 2, 3]


def test_the_same_file_by_another_path(file, tmp_path):
    find = counting()
    os.symlink(file, tmp_path / "link.bin")
    assert remembered(file, "fact", find) == remembered(tmp_path / "link.bin", "fact", find)


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"stamp": 3}', b"\xff\xfe", b"null"])
def test_a_damaged_record_is_found_again(file, cache_folder, damage):
    find = counting()
    remembered(file, "fact", find)
    (record,) = cache_folder.rglob("*.json")
    record.write_bytes(damage)
    assert remembered(file, "fact", find) == 1
    assert remembered(file, "fact", find) == 1


def test_where_nothing_can_be_written_it_is_found_each_time(file, cache_folder):
    cache_folder.write_text("a file where the folder should be")
    find = counting()
    assert [remembered(file, "fact", find) for _ in range(2)] == [0, 1]


def test_cache_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert cache_folder() == tmp_path / "cache" / "vaejax" / "data"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "vaejax" / "data"
