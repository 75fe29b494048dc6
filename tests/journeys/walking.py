"""Scripts of commands, as one types them into a terminal, walked line by line."""

import os
import pathlib
import shlex
import subprocess
import sys
from typing import NamedTuple

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
# Noise that no command may make; a warning is a step at which one hesitates.
NOISE = ("Traceback", "Warning:", "warnings.warn", "Very slow compile")


class Said(NamedTuple):
    """What a command has printed.

    Attributes:
        out: to standard output.
        err: to standard error.
    """

    out: str
    err: str


def walk(script: str, folder: pathlib.Path) -> list[Said]:
    """What each line of the script says, carried out in `folder`; blank lines are left out.

    `experiments/` is the checkout's. Each command is a program of its own, on one CPU device, as a
    user's is. It must succeed, and make no noise.
    """
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{folder}"}
    environment.pop("JAX_NUM_CPU_DEVICES", None)
    said = []
    for line in filter(None, map(str.strip, script.splitlines())):
        program, *arguments = shlex.split(line)
        assert program == "python", line
        if arguments[0].startswith("experiments/"):
            arguments[0] = str(ROOT / arguments[0])
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=folder, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        told = f"$ {line}\n{done.stdout}{done.stderr}"
        assert done.returncode == 0, told
        assert not any(noise in done.stdout + done.stderr for noise in NOISE), told
        said.append(Said(done.stdout, done.stderr))
    return said
