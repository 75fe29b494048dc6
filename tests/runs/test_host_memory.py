"""The setting is the whole process's, so a child process makes it and counts its page faults."""

import subprocess
import sys

import pytest

from vaejax.runs import host_memory

COUNT_FAULTS = """
import resource, runpy, sys

def faults():
    start = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(4):
        b"x" * (64 * 2**20)  # written to, then freed
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - start

before = faults()
took_effect = runpy.run_path(sys.argv[1])["keep_freed_memory"]()
faults()  # the heap grows once
print(before, took_effect, faults())
"""


def test_freed_memory_is_reused_without_page_faults():
    command = [sys.executable, "-c", COUNT_FAULTS, host_memory.__file__]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    before, took_effect, after = output.split()
    if took_effect == "False":
        pytest.skip("needs glibc")
    assert int(before) > 1000
    assert int(after) < 0.01 * int(before)


def test_other_systems_are_left_alone(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not host_memory.keep_freed_memory()
