"""What there is, by name and with a line each, read from the source: nothing is imported for it.

So `--help`, `--mode=list` and a misspelt name are answered before JAX is there. The names are those
that `vaejax.runs.config_lookup.named` takes, and the lines begin the docstrings.
"""

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from vaejax.runs.config_paths import FOLDER, config_names
from vaejax.runs.docstrings import summary

_PACKAGE = Path(__file__).parent.parent
ON_THE_FLY = "on the fly"  # what the header of a configuration says of data that need no file
# By kind: the package of the names, and what a function must return to be of this kind.
PACKAGES = {
    "data sets": ("data", "Splits"),
    "models": ("models", None),
    "likelihoods": ("distributions", "Likelihood"),
    "posteriors": ("models.posteriors", "Posterior"),
    "priors": ("models.priors", "Prior"),
    "networks over pixels": ("models.autoregressive", "PixelNetwork"),
    "objectives": ("objectives", "Objective"),
    "evaluators": ("evaluators", "Evaluator"),
}


OBJECTS = (
    "Callable",
    "Divergence",
    "Objective",
    "Source",
)  # arguments that no configuration can hold
Definition = ast.FunctionDef | ast.ClassDef


class Configuration(NamedTuple):
    """One of our configurations.

    Attributes:
        name: as `--config` takes it.
        header: docstring of its file.
    """

    name: str
    header: str

    @property
    def about(self) -> str:
        """A line."""
        return summary(self.header)

    @property
    def needs_data(self) -> bool:
        """Whether there must be files on disk."""
        data = re.search(r"^Data:(.*(?:\n +.*)*)", self.header, re.MULTILINE)
        return data is None or ON_THE_FLY not in " ".join(data[1].split())


def configurations() -> list[Configuration]:
    """Ours, by name."""
    return [Configuration(name, header_of(FOLDER / f"{name}.py")) for name in config_names()]


def header_of(path: Path) -> str:
    """The docstring of a Python file; empty without, or where it cannot be read."""
    try:
        return ast.get_docstring(_parsed(path)) or ""
    except (OSError, SyntaxError, ValueError):
        return ""


def names_of(kind: str) -> dict[str, str]:
    """A line by name, of a kind in `PACKAGES`."""
    package, returns = PACKAGES[kind]
    found = {}
    for name, node in _defined(_file(f"vaejax.{package}")):
        if returns is None or (_returns(node) == returns and not _takes_objects(node)):
            found[name] = summary(ast.get_docstring(node))
    return dict(sorted(found.items()))


def metrics() -> dict[str, str]:
    """A line by name of a metric of `vaejax.metrics.METRICS`."""
    records = _file("vaejax.metrics.records")
    lines = {name: summary(ast.get_docstring(node)) for name, node in _defined(records)}
    found = {}
    for node in _parsed(records).body:
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "METRICS":
            assert isinstance(node.value, ast.Dict)
            for key, value in zip(node.value.keys, node.value.values, strict=True):
                assert isinstance(key, ast.Constant)
                named = [x.id for x in ast.walk(value) if isinstance(x, ast.Name)]
                functions = [name for name in named if name != "Metric" and name in lines]
                found[str(key.value)] = lines[functions[0]] if functions else ""
    return found


def _defined(file: Path) -> Iterator[tuple[str, Definition]]:
    """The public functions and classes that a file defines or imports from ours, by name."""
    for node in _parsed(file).body:
        if isinstance(node, Definition) and node.name[0] != "_":
            yield node.name, node
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("vaejax."):
            source = _parsed(_file(str(node.module))).body
            there = {x.name: x for x in source if isinstance(x, Definition)}
            for alias in node.names:
                if alias.name in there:
                    yield alias.asname or alias.name, there[alias.name]


def _returns(node: Definition) -> str | None:
    annotation = getattr(node, "returns", None)
    return None if annotation is None else ast.unparse(annotation)


def _takes_objects(node: Definition) -> bool:
    """Whether a function must be given what no configuration can hold."""
    if isinstance(node, ast.ClassDef):
        return False
    given = node.args.args[: len(node.args.args) - len(node.args.defaults)]
    annotations = [ast.unparse(x.annotation) for x in given if x.annotation]
    return any(x.split("[")[0] in OBJECTS for x in annotations)


def _file(module: str) -> Path:
    path = _PACKAGE.joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@functools.cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_bytes())
