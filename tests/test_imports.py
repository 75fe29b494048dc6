"""The house rules that a machine can read: who imports whom, and what `import vaejax` costs."""

import ast
import os
import pathlib
import statistics
import subprocess
import sys

import pytest

import vaejax

ROOT = pathlib.Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "vaejax"
# The floors of the house: a room may import what lies on the floors before its own.
FLOORS = (
    ("types", "version"),
    ("core",),
    ("distributions",),
    ("nn",),
    ("models", "objectives"),
    ("training", "data", "metrics"),
    ("evaluators",),
    ("pictures",),
    ("runs",),
    ("recipes", "sweep", "interop", "main"),
)
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
FROM_RUNS_ON = {"absl", "ml_collections", "orbax"}  # what no floor before that of runs imports


def imports_of(path: pathlib.Path) -> set[str]:
    """Full names of all modules imported anywhere in a file."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def room_of(path: pathlib.Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def test_every_room_has_a_floor():
    assert {room_of(path) for path in MODULES} == set(FLOOR_OF)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_one_way(path):
    room, names = room_of(path), imports_of(path)
    used = {name.split(".")[1] for name in names if name.split(".")[0] == "vaejax"} - {room}
    outside = {name.split(".")[0] for name in names}
    above = {other for other in used if FLOOR_OF[other] >= FLOOR_OF[room]}
    assert not above, f"{room} may not import {above}"
    if FLOOR_OF[room] < FLOOR_OF["runs"]:
        assert not outside & FROM_RUNS_ON
    if room != "data":
        assert "tensorflow_datasets" not in outside
    assert "tensorflow" not in outside or room == "data"
    assert "configs" not in outside, "configurations are found by name: vaejax.runs.config_file"
    assert not {name for name in names if name.startswith("lax.conv")}


def test_convolutions_have_one_place():
    for path in MODULES:
        if path.name not in ("conv.py", "_cpu_conv.py", "_cpu_canonical_conv.py"):
            text = path.read_text()
            assert "conv_general_dilated" not in text and "nn.Conv" not in text, path


def run_python(code: str, cwd: pathlib.Path | None = None, **environment: str) -> str:
    """What a program of its own prints."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu", **environment}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=cwd, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_import_is_not_slower_than_its_libraries():
    """Under 1.5 times `import jax, flax, optax` in CPU time; the median of interleaved runs."""
    code = "import time; {}; print(time.process_time())"
    times = {"libraries": [], "vaejax": []}
    for _ in range(3):
        libraries = run_python(code.format("import jax, flax, optax"))
        times["libraries"].append(float(libraries))
        # `load` is for runs, with what they bring along.
        all_of_it = "import vaejax; [getattr(vaejax, n) for n in dir(vaejax) if n != 'load']"
        times["vaejax"].append(float(run_python(code.format(all_of_it))))
    libraries, ours = (statistics.median(times[name]) for name in ("libraries", "vaejax"))
    assert ours < 1.5 * libraries, f"{ours:.2f} s against {libraries:.2f} s"


def test_what_vaejax_offers_is_the_same_for_type_checkers_and_for_programs():
    tree = ast.parse((PACKAGE / "__init__.py").read_text())
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]  # TYPE_CHECKING
    told = {
        alias.name: f"{node.module}".removeprefix("vaejax").removeprefix(".")
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert told == {**dict.fromkeys(vaejax._ROOMS, ""), **vaejax._PLACES}
    assert set(told) <= set(dir(vaejax))
    assert all(getattr(vaejax, name) is not None for name in told)
    with pytest.raises(AttributeError, match="no attribute 'lod'"):
        vaejax.lod  # noqa: B018
