"""Checkpoints of a training run: saved in the background, verified when read, on Orbax v1.

A checkpoint holds the train state and a record: the evaluation's score, and the shape, dtype and
CRC-32 of every leaf. The format itself does not notice a flipped byte in an array; the record does.
Of all checkpoints three survive: the two latest, so that a damaged newest one still leaves one to
go on from, and the best by a metric of the evaluation.
"""

import json
import logging
import math
import os
import warnings
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import tensorstore

try:
    from orbax.checkpoint import v1 as ocp
except ImportError:  # where v1 has not moved out of the experimental package yet
    from orbax.checkpoint.experimental import v1 as ocp

# Orbax tells every step it takes; what a user needs to know arrives as an exception.
logging.getLogger("absl").addFilter(lambda record: f"{os.sep}orbax{os.sep}" not in record.pathname)


class DamagedCheckpoint(RuntimeError):
    """A checkpoint whose files are truncated, missing or altered."""


class Checkpoints:
    """The checkpoints in one directory.

    A state is any pytree of arrays with an attribute `step`. An abstract state is the same tree of
    `jax.ShapeDtypeStruct`, as `jax.eval_shape` gives it; a leaf is restored to its struct's
    sharding, or to the first device where it has none, so the device count is free to change.

    Errors that restoring raises:
        FileNotFoundError: there is no such checkpoint.
        ValueError: the checkpoint is of another model or optimiser than the abstract state.
        DamagedCheckpoint: no checkpoint asked for is intact.

    Args:
        directory: where the checkpoints are, one folder per step; made if missing.
        best_metric: name of the metric whose highest value marks the best checkpoint.
    """

    def __init__(self, directory: str | os.PathLike[str], *, best_metric: str = "elbo"):
        self._directory = os.path.abspath(directory)
        self._best_metric = best_metric
        self._scores: dict[int, float] = {}
        self._pending: Any = None
        # Steps this run has written or read: what is on disk for them is what `save` would write.
        self._own: set[int] = set()
        context = ocp.Context()
        # Trained weights hardly compress (7 %), and without a decompressor that may stumble over a
        # flipped byte it is always the record that reports it.
        context.array.saving.use_compression = False
        context.checkpointables.registry = ocp.handlers.local_registry()
        context.checkpointables.registry.add(ocp.handlers.JsonHandler, checkpointable_name="record")
        self._checkpointer = ocp.training.Checkpointer(
            self._directory,
            context=context,
            preservation_policy=_KeepLatestAndBest(self._scores),
        )
        for step in self._steps():
            try:
                self._remember(step, self._record(step)["metrics"])
            except DamagedCheckpoint:
                continue  # restoring it will say so

    @property
    def latest_step(self) -> int | None:
        """The newest step saved, or None."""
        return max(self._steps(), default=None)

    @property
    def best_step(self) -> int | None:
        """The step with the highest best metric, or None where none was saved with it."""
        return _best(self._scores)

    def save(self, state: Any, metrics: Mapping[str, Any] | None = None) -> None:
        """Write `state` under `state.step`, in the background; the state may be donated at once.

        Args:
            state: the train state.
            metrics: of an evaluation of this state. Without them (or with a best metric that is not
                finite) the checkpoint can be the latest but not the best.

        Raises:
            ValueError: `metrics` lacks the best metric.
            Exception: whatever the previous save in the background met with (a full disk, ...).
        """
        if metrics is not None and self._best_metric not in metrics:
            names = ", ".join(sorted(metrics))
            raise ValueError(f"metrics: expected {self._best_metric} among them, got {names}")
        self.wait()
        step = int(state.step)
        if step in self._own and metrics is None:
            return  # a signal right after the regular save: keep that one, and its metrics
        state = jax.tree.map(lambda x: x if hasattr(x, "dtype") else jnp.asarray(x), state)
        scores = {} if metrics is None else {self._best_metric: float(metrics[self._best_metric])}
        record = {"metrics": scores, "leaves": _describe(state, checksum=True)}
        self._own.add(step)
        self._remember(step, scores)
        self._pending = self._checkpointer.save_checkpointables_async(
            step,
            {"state": state, "record": record | {"crc32": _crc32_of_json(record)}},
            force=True,
            overwrite=True,
        )

    def restore_latest(self, abstract_state: Any) -> Any:
        """The newest intact state; warns for every damaged one passed over."""
        return self._restore_first(sorted(self._steps(), reverse=True), abstract_state)

    def restore_best(self, abstract_state: Any) -> Any:
        """The intact state with the highest score; warns for every damaged one passed over."""
        order = sorted(self._scores, key=lambda step: (self._scores[step], step), reverse=True)
        return self._restore_first(order, abstract_state)

    def restore(self, step: int, abstract_state: Any) -> Any:
        """The state saved at `step`, every byte of it verified."""
        self.wait()
        if step not in self._steps():
            raise FileNotFoundError(f"{self._directory}: no checkpoint of step {step}")
        saved = self._record(step)["leaves"]
        _check_same_leaves(saved, _describe(abstract_state), step)
        self._read_through(step)
        abstract = jax.tree.map(_with_sharding, abstract_state)
        state = self._load(step, {"state": abstract})["state"]
        restored = _describe(state, checksum=True)
        if altered := [name for name in restored if restored[name] != saved[name]]:
            raise _damaged(step, f"the bytes of {_some(altered)} have changed")
        self._own.add(step)
        return state

    def wait(self) -> None:
        """Return when what was saved is on disk."""
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.result()

    def close(self) -> None:
        """Finish saving and release threads and files."""
        try:
            self.wait()
        finally:
            self._checkpointer.close()

    def _steps(self) -> list[int]:
        return [checkpoint.step for checkpoint in self._checkpointer.checkpoints]

    def _remember(self, step: int, metrics: Mapping[str, float]) -> None:
        score = metrics.get(self._best_metric, math.nan)
        self._scores.pop(step, None)
        if math.isfinite(score):
            self._scores[step] = score

    def _restore_first(self, steps: Sequence[int], abstract_state: Any) -> Any:
        damage: DamagedCheckpoint | None = None
        for step in steps:
            try:
                return self.restore(step, abstract_state)
            except DamagedCheckpoint as error:
                warnings.warn(f"{error}; trying the one before it", stacklevel=3)
                self._scores.pop(step, None)
                damage = error
        raise damage or FileNotFoundError(f"{self._directory}: no checkpoint to restore")

    def _record(self, step: int) -> dict[str, Any]:
        record = self._load(step, {"record": None})["record"]
        if not isinstance(record, dict) or record.pop("crc32", None) != _crc32_of_json(record):
            raise _damaged(step, "its record has changed")
        return record

    def _load(self, step: int, abstract: dict[str, Any]) -> dict[str, Any]:
        try:
            return self._checkpointer.load_checkpointables(step, abstract)
        except Exception as error:  # damage surfaces as many types, with the reason at the end
            cause: BaseException = error
            while cause.__cause__ is not None:
                cause = cause.__cause__
            raise _damaged(step, cause) from error

    def _read_through(self, step: int) -> None:
        """Read every stored value once, one after the other.

        A truncated file must fail here: failing in Orbax's parallel read, it would leave tasks
        behind that print pages of tracebacks later.
        """
        folder = os.path.join(self._directory, str(step), "state") + os.sep
        base = {"driver": "file", "path": folder}
        try:
            store = tensorstore.KvStore.open({"driver": "ocdbt", "base": base}).result()
            keys = store.list().result()
            if not keys or not all(store.read(key).result().value for key in keys):
                raise ValueError(f"data files are missing in {folder}")
        except ValueError as error:
            raise _damaged(step, error) from error


class _KeepLatestAndBest:
    """Orbax's preservation policy: the two latest steps, and the one with the highest score."""

    def __init__(self, scores: Mapping[int, float]):
        self._scores = scores

    def should_preserve(self, checkpoints: Sequence[Any], *, context: Any) -> list[bool]:
        del context
        steps = [checkpoint.step for checkpoint in checkpoints]
        kept = {*sorted(steps)[-2:], _best(self._scores)}
        return [step in kept for step in steps]


def _best(scores: Mapping[int, float]) -> int | None:
    return max(scores, key=lambda step: (scores[step], step), default=None)


def _describe(tree: Any, *, checksum: bool = False) -> dict[str, dict[str, Any]]:
    """Shape and dtype (and CRC-32 of the bytes) of every leaf, by its path `a/b/c`."""
    leaves = {
        jax.tree_util.keystr(path, simple=True, separator="/"): leaf
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
    }
    record = {
        name: {"dtype": str(leaf.dtype), "shape": list(leaf.shape)} for name, leaf in leaves.items()
    }
    if checksum:
        for name, array in jax.device_get(jax.tree.map(_one_copy, leaves)).items():
            record[name]["crc32"] = zlib.crc32(np.ascontiguousarray(array).reshape(-1).view("u1"))
    return record


def _one_copy(leaf: Any) -> Any:
    """A leaf that this process can read; of a replicated array, the copy on its first device."""
    replicated = isinstance(leaf, jax.Array) and leaf.is_fully_replicated
    return leaf.addressable_data(0) if replicated else leaf


def _with_sharding(leaf: Any) -> jax.ShapeDtypeStruct:
    sharding = getattr(leaf, "sharding", None)
    if sharding is None:  # else Orbax would ask for the devices the checkpoint was written on
        sharding = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding)


def _check_same_leaves(saved: dict[str, Any], wanted: dict[str, Any], step: int) -> None:
    """Raise one sentence that names the leaves in which a checkpoint and a state differ."""
    differences = []
    if missing := [name for name in wanted if name not in saved]:
        differences.append(f"lacks {_some(missing)}")
    if extra := [name for name in saved if name not in wanted]:
        differences.append(f"also has {_some(extra)}")
    shapes = {
        name: [f"{leaf['dtype']}{leaf['shape']}" for leaf in (saved[name], wanted[name])]
        for name in wanted
        if name in saved
    }
    if other := [name for name, (got, want) in shapes.items() if got != want]:
        got, want = shapes[other[0]]
        differences.append(f"has {_some(other)} as {got}, not {want}")
    if differences:
        raise ValueError(
            "abstract_state: expected the tree that was saved, got another: the checkpoint of step "
            f"{step} {', and '.join(differences)}"
        )


def _some(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} (and {len(names) - 1} more)"


def _damaged(step: int, reason: object) -> DamagedCheckpoint:
    lines = str(reason).splitlines()
    return DamagedCheckpoint(f"checkpoint of step {step} is damaged: {lines[0] if lines else '?'}")


def _crc32_of_json(value: Any) -> int:
    return zlib.crc32(json.dumps(value, sort_keys=True).encode())
