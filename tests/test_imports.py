"""The house rules that a machine can read: who imports whom, and what `import vaejax` costs."""

import ast
import os
import pathlib
import statistics
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "vaejax"
NOT_NEEDED = (
    "tensorflow_datasets",
    "tensorflow",
    "grain",
    "clu",
    "chex",
    "matplotlib",
    "orbax",
    "sklearn",
)

# Room -> the rooms of vaejax it may import from, besides itself.
ALLOWED = {
    "checks": set(),
    "files": set(),
    "sealed": {"files"},
    "types": set(),
    "version": set(),
    "host_memory": set(),
    "parallel": {"types"},
    "schedules": {"checks", "types"},
    "randomness": {"types"},
    "distributions": {"checks", "types", "randomness"},
    "nn": {"types", "parallel", "randomness", "distributions"},
    "models": {"types", "randomness", "distributions", "nn"},
    "objectives": {"checks", "types", "distributions", "parallel", "nn", "randomness"},
    "interop": {"types", "distributions", "nn", "models"},
    "optimizers": {"checks", "types"},
    "guard": {"types"},
    "train_state": {"guard", "types"},
    "batch_statistics": {"files", "types"},
    "accumulation": {"types", "parallel"},
    "steps": {"accumulation", "checks", "guard", "types", "nn", "parallel", "train_state"},
    "data": {"types", "parallel", "randomness"},
    "figures": {"files", "types"},
    "metrics": {"checks", "types", "randomness"},
}
# Rooms that compose the others and are composed by none of those above.
RUN = (
    "config", "config_compared", "config_defaults", "config_file", "config_values", "evaluators",
    "pictures", "sampling", "run", "checkpoint", "checkpoint_record", "kept_config", "kept_data",
    "logging", "metric_lines", "failures", "health", "scores", "stop_requests", "train", "modes",
    "sweep", "main",
)  # fmt: skip
RUN_ONLY = {"absl", "ml_collections", "orbax"}


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


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_one_way(path):
    room, names = room_of(path), imports_of(path)
    used = {name.split(".")[1] for name in names if name.split(".")[0] == "vaejax"} - {room}
    outside = {name.split(".")[0] for name in names}
    is_command = path.name == "__main__.py"  # composes the others, as `main` does
    if room not in RUN and not is_command:
        assert used <= ALLOWED[room], f"{room} may not import {used - ALLOWED[room]}"
        assert not outside & RUN_ONLY
    if room != "data":
        assert "tensorflow_datasets" not in outside
    assert "tensorflow" not in outside or room == "data"
    assert not {name for name in names if name.startswith("lax.conv")}


def test_convolutions_have_one_place():
    for path in MODULES:
        if path.name not in ("conv.py", "_cpu_conv.py", "_cpu_canonical_conv.py"):
            text = path.read_text()
            assert "conv_general_dilated" not in text and "nn.Conv" not in text, path


def run_python(code: str) -> str:
    env = {**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_import_works_without_what_only_some_runs_need():
    printed = run_python(
        "import sys\n"
        "class Blocked:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.split('.')[0] in {NOT_NEEDED}:\n"
        "            raise ImportError(name)\n"
        "sys.meta_path.insert(0, Blocked())\n"
        "import vaejax\n"
        "print(callable(vaejax.make_train_step))\n"
    )
    assert printed == "True\n"


def test_import_is_not_slower_than_its_libraries():
    """Under 1.5 times `import jax, flax, optax` in CPU time; the median of interleaved runs."""
    code = "import time; {}; print(time.process_time())"
    times = {"libraries": [], "vaejax": []}
    for _ in range(3):
        libraries = run_python(code.format("import jax, flax, optax"))
        times["libraries"].append(float(libraries))
        times["vaejax"].append(float(run_python(code.format("import vaejax"))))
    libraries, ours = (statistics.median(times[name]) for name in ("libraries", "vaejax"))
    assert ours < 1.5 * libraries, f"{ours:.2f} s against {libraries:.2f} s"
