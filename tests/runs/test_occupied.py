"""Two processes do not train in one folder."""

import subprocess
import sys

import pytest

from vaejax.runs.config import ConfigError
from vaejax.runs.config_file import load_config
from vaejax.runs.loop import train
from vaejax.runs.occupied import occupied

HOLD = """
import pathlib, sys, time
from vaejax.runs.occupied import occupied
with occupied(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_process_is_refused_until_the_first_is_killed(tmp_path, config_file):
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as other:
        try:
            assert other.stdout.readline() == "held\n"
            with pytest.raises(ConfigError, match="no other process trains, got"):
                train(load_config(str(config_file)), tmp_path)
            assert not (tmp_path / "metrics.jsonl").exists()
        finally:
            other.kill()
    with occupied(tmp_path):
        pass


def test_one_after_the_other_is_fine(tmp_path):
    for _ in range(2):
        with occupied(tmp_path), pytest.raises(ConfigError), occupied(tmp_path):
            pass
