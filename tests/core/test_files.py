"""Files appear whole or not at all, whatever kills the program that writes them."""

import os
import pathlib
import re
import signal
import subprocess
import sys

import pytest

from vaejax.core.files import remove_unfinished, write_whole

ROOT = pathlib.Path(__file__).resolve().parents[2]


def names(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_contents_are_those_given(tmp_path):
    path = tmp_path / "made" / "too" / "x"
    write_whole(path, "ä\n")
    assert path.read_bytes() == "ä\n".encode()
    write_whole(path, b"\xff\x00")
    assert path.read_bytes() == b"\xff\x00"
    write_whole(str(path), b"")
    assert path.read_bytes() == b"" and names(tmp_path) == ["x"]


def test_only_what_differs_is_written(tmp_path):
    path = tmp_path / "x"
    write_whole(path, b"one")
    before = path.stat()
    write_whole(path, "one")
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    write_whole(path, "two")  # as long
    assert path.read_bytes() == b"two" and path.stat().st_ino != before.st_ino


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_write_that_fails_leaves_what_was_there(tmp_path, monkeypatch, step):
    path = tmp_path / "x"
    write_whole(path, b"before")

    def fail(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, b"after")
    assert path.read_bytes() == b"before" and names(tmp_path) == ["x"]


KILLED = """
import os, signal, sys
from vaejax.core.files import write_whole
setattr(os, sys.argv[2], lambda *args: os.kill(os.getpid(), signal.SIGKILL))
write_whole(sys.argv[1], b"after" * 1000)
"""


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_kill_leaves_what_was_there_and_its_leftover_is_removed(tmp_path, step):
    path = tmp_path / "run" / "x"
    write_whole(path, b"before")
    done = subprocess.run([sys.executable, "-c", KILLED, str(path), step], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    assert path.read_bytes() == b"before" and len(names(tmp_path)) == 2
    for folder in (tmp_path / "run" / "figures", tmp_path / "run" / "checkpoints" / "8"):
        folder.mkdir(parents=True)
        (folder / ".y.png.17.unfinished").write_bytes(b"aft")
        (folder / "y.unfinished").write_bytes(b"somebody else's")
    remove_unfinished(tmp_path / "run")
    assert names(tmp_path) == ["x", "y.unfinished", "y.unfinished"]


def test_nobody_writes_a_file_another_way():
    """But for what is appended to, and a cache of the size of its data set."""
    ways = re.compile(
        r"write_(?:text|bytes)\(|open\(\"w|\.save\((?:path|folder)|savefig\((?!content)"
    )
    allowed = {"files.py", "cache_file.py"}
    for path in (ROOT / "vaejax").rglob("*.py"):
        assert path.name in allowed or not ways.search(path.read_text()), path
