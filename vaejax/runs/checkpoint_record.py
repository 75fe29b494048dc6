"""What lies beside the arrays of a checkpoint: its record, and notes taken after it was saved.

The record is saved with the arrays: shape, dtype and CRC-32 of every leaf, the configuration of the
run, the score if there was one. The notes are a file in the checkpoint's folder, written when more
is known: the score of an evaluation that came later, a configuration changed since. Both hold a
CRC-32 of themselves. They are read without Orbax, which is slow to import.
"""

import os
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from vaejax.runs.sealed import CRC, read_sealed, write_sealed

RECORD = "record"  # folder in a checkpoint's, where Orbax puts what it saves under this name
NOTES_FILE = "notes.json"


class DamagedCheckpoint(RuntimeError):
    """A checkpoint whose files are truncated, missing or altered."""


def damaged(step: int, reason: object) -> DamagedCheckpoint:
    """The error for a checkpoint, with the first line of a reason."""
    lines = str(reason).splitlines()
    return DamagedCheckpoint(f"checkpoint of step {step} is damaged: {lines[0] if lines else '?'}")


def steps_in(directory: str | os.PathLike[str]) -> list[int]:
    """The steps of all checkpoints in a directory, ascending; one being written is none yet."""
    names = os.listdir(directory) if os.path.isdir(directory) else []
    return sorted(int(name) for name in names if name.isdecimal())


def read_record(directory: str | os.PathLike[str], step: int) -> dict[str, Any]:
    """The record of a checkpoint.

    Raises:
        DamagedCheckpoint: the record is missing or altered.
    """
    files = Path(directory, str(step), RECORD).glob("*")  # how it is called is Orbax's affair
    record = next((record for record in map(read_sealed, files) if record is not None), None)
    if record is None or not isinstance(record.get("leaves"), dict):
        raise damaged(step, "its record has changed")
    return record


def read_notes(directory: str | os.PathLike[str], step: int) -> dict[str, Any]:
    """The notes on a checkpoint: none where there is no file of them, or a damaged one."""
    notes = read_sealed(Path(directory, str(step), NOTES_FILE)) or {}
    return notes if isinstance(notes.get("metrics", {}), dict) else {}


def has_damaged_notes(directory: str | os.PathLike[str], step: int) -> bool:
    """Whether there are notes on a checkpoint that cannot be read."""
    path = Path(directory, str(step), NOTES_FILE)
    return path.exists() and not read_notes(directory, step)


def note(directory: str | os.PathLike[str], step: int, **values: Any) -> None:
    """Add to the notes on a checkpoint, or change them."""
    notes = read_notes(directory, step) | values
    write_sealed(Path(directory, str(step), NOTES_FILE), notes)


def known(directory: str | os.PathLike[str], step: int) -> dict[str, Any]:
    """The record of a checkpoint with what was noted since; `metrics` is None until evaluated.

    Raises:
        DamagedCheckpoint: the record is missing or altered.
    """
    return read_record(directory, step) | read_notes(directory, step)


def is_evaluated(directory: str | os.PathLike[str], step: int) -> bool:
    """Whether a checkpoint has been evaluated; of a damaged one that is not asked."""
    try:
        return known(directory, step)["metrics"] is not None
    except DamagedCheckpoint:
        return True


def records_in(directory: str | os.PathLike[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Every step and what is known of it, newest first, but for damaged ones."""
    for step in reversed(steps_in(directory)):
        try:
            yield step, known(directory, step)
        except DamagedCheckpoint:
            continue  # restoring it will say so


def describe(tree: Any, *, checksum: bool = False) -> dict[str, dict[str, Any]]:
    """Shape and dtype (and CRC-32 of the bytes) of every leaf, by its path `a/b/c`."""
    leaves = {
        jax.tree_util.keystr(path, simple=True, separator="/"): leaf
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
    }
    record: dict[str, dict[str, Any]] = {
        name: {"dtype": str(leaf.dtype), "shape": list(leaf.shape)} for name, leaf in leaves.items()
    }
    if checksum:
        for name, array in jax.device_get(jax.tree.map(_one_copy, leaves)).items():
            record[name][CRC] = zlib.crc32(np.ascontiguousarray(array).reshape(-1).view("u1").data)
    return record


def check_same_leaves(saved: dict[str, Any], wanted: dict[str, Any], step: int) -> None:
    """Raise one sentence that names the leaves in which a checkpoint and a state differ."""
    differences = []
    if missing := [name for name in wanted if name not in saved]:
        differences.append(f"lacks {some(missing)}")
    if extra := [name for name in saved if name not in wanted]:
        differences.append(f"also has {some(extra)}")
    shapes = {
        name: [f"{leaf['dtype']}{leaf['shape']}" for leaf in (saved[name], wanted[name])]
        for name in wanted
        if name in saved
    }
    if other := [name for name, (got, want) in shapes.items() if got != want]:
        got, want = shapes[other[0]]
        differences.append(f"has {some(other)} as {got}, not {want}")
    if differences:
        raise ValueError(
            "abstract_state: expected the tree that was saved, got another: the checkpoint of step "
            f"{step} {', and '.join(differences)}"
        )


def some(names: Sequence[str]) -> str:
    """The first of some names, and how many more there are."""
    return names[0] if len(names) == 1 else f"{names[0]} (and {len(names) - 1} more)"


def _one_copy(leaf: Any) -> Any:
    """A leaf that this process can read; of a replicated array, the copy on its first device."""
    replicated = isinstance(leaf, jax.Array) and leaf.is_fully_replicated
    return leaf.addressable_data(0) if replicated else leaf
