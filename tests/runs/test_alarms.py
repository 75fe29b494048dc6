"""XLA's alarms are not seen; everything else that is written to the standard error is."""

import os
import subprocess
import sys

import pytest

from tests.test_imports import ROOT
from vaejax.runs.alarms import without_alarms

FOLDING = """\
E1130 00:27:05.709278   13373 slow_operation_alarm.cc:73] Constant folding an instruction is taking > 1s:

  %reduce_window_sum.7 = f32[3000,3000]{1,0} reduce-window(%broadcast_in_dim.1, %constant.2)

This isn't necessarily a bug; constant-folding is inherently a trade-off.

If you'd like to file a bug, run with envvar XLA_FLAGS=--xla_dump_to=/tmp/foo and attach the results.
"""  # noqa: E501
COMPILING = """\
2026-11-30 00:27:05.709278: E external/xla/xla/service/slow_operation_alarm.cc:65]
********************************
[Compiling module jit_step] Very slow compile? If you want to file a bug, run with envvar XLA_FLAGS=--xla_dump_to=/tmp/foo and attach the results.
********************************
"""  # noqa: E501
ERROR = "E1130 00:27:06.000000   13373 cuda_executor.cc:1228] failed to initialise the driver\n"


@pytest.mark.parametrize("alarm", [FOLDING, COMPILING])
def test_an_alarm_is_left_out_whole_and_nothing_else(alarm):
    text = f"before\n{alarm}{ERROR}{alarm}{alarm}after\n***\n"
    found = b"".join(without_alarms(text.encode().splitlines(keepends=True)))
    assert found.decode() == f"before\n{ERROR}after\n***\n"


PROGRAM = """
import os, sys
from vaejax.runs.alarms import alarms_hidden
with alarms_hidden():
    os.write(2, {written!r}.encode())  # as C++ does
    print("of Python", file=sys.stderr)
    if "--abort" in sys.argv:
        os.abort()
os.write(2, b"afterwards\\n")
"""


@pytest.mark.parametrize("abort", [False, True])
@pytest.mark.parametrize("shown", [False, True])
def test_what_a_process_says_is_seen_but_for_alarms(abort, shown):
    env = {**os.environ, "PYTHONPATH": str(ROOT)} | ({"TF_CPP_MIN_LOG_LEVEL": "0"} if shown else {})
    env = {name: value for name, value in env.items() if shown or name != "TF_CPP_MIN_LOG_LEVEL"}
    program = PROGRAM.format(written=FOLDING + ERROR)
    done = subprocess.run(
        [sys.executable, "-c", program, *["--abort"] * abort], env=env, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert ERROR in done.stderr and "of Python\n" in done.stderr
    assert ("slow_operation_alarm" in done.stderr) == shown
    assert ("afterwards" in done.stderr) != abort
    assert (done.returncode == 0) != abort
