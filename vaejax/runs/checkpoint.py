"""Checkpoints of a training run: saved in the background, verified when read, on Orbax v1.

A checkpoint holds the train state and a record with the CRC-32 of every leaf, and takes notes of
what is known later, see `checkpoint_record`. The format itself does not notice a flipped byte in an
array; the record does. Of all checkpoints three survive: the two latest, so that a damaged newest
one still leaves one to go on from, and the best by a metric of the evaluation.
"""

import contextlib
import logging
import math
import os
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import tensorstore

try:
    from orbax.checkpoint import v1 as ocp
except ImportError:  # where v1 has not moved out of the experimental package yet
    from orbax.checkpoint.experimental import v1 as ocp

from vaejax.runs import checkpoint_record as records
from vaejax.runs.checkpoint_record import DamagedCheckpoint as DamagedCheckpoint
from vaejax.runs.checkpoint_record import damaged
from vaejax.runs.sealed import sealed

# Orbax tells every step it takes; what a user needs to know arrives as an exception.
logging.getLogger("absl").addFilter(lambda record: f"{os.sep}orbax{os.sep}" not in record.pathname)


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
        about: JSON values that the record of every checkpoint saved here has too.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        *,
        best_metric: str = "elbo",
        about: Mapping[str, Any] | None = None,
    ):
        self._directory = os.path.abspath(directory)
        self._best_metric, self._about = best_metric, dict(about or {})
        self._scores: dict[int, float] = {}
        self._pending: tuple[int, Any] | None = None
        # Steps this run has written or read: what is on disk for them is what `save` would write.
        self._own: set[int] = set()
        context = ocp.Context()
        # Trained weights hardly compress (7 %), and without a decompressor that may stumble over a
        # flipped byte it is always the record that reports it.
        context.array.saving.use_compression = False
        context.checkpointables.registry = ocp.handlers.local_registry()
        context.checkpointables.registry.add(
            ocp.handlers.JsonHandler, checkpointable_name=records.RECORD
        )
        self._checkpointer = ocp.training.Checkpointer(
            self._directory,
            context=context,
            preservation_policy=_KeepLatestAndBest(self._scores),
        )
        for step, record in records.records_in(self._directory):
            self._remember(step, record["metrics"])
            if records.has_damaged_notes(self._directory, step):
                text = f"the notes on the checkpoint of step {step} are damaged: its score is lost"
                warnings.warn(text, stacklevel=2)

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
            metrics: of an evaluation of this state, if there has been one; see `add_scores`.

        Raises:
            ValueError: `metrics` lacks the best metric.
            OSError: the previous save in the background failed: a full disk, say.
        """
        scores = None if metrics is None else self._scores_of(metrics)
        self.wait()
        step = int(state.step)
        if step in self._own and metrics is None:
            return  # a signal right after the regular save: keep that one, and its metrics
        state = jax.tree.map(lambda x: x if hasattr(x, "dtype") else jnp.asarray(x), state)
        leaves = records.describe(state, checksum=True)
        record = sealed({"metrics": scores, **self._about, "leaves": leaves})
        self._own.add(step)
        self._remember(step, scores)
        whole = {"state": state, records.RECORD: record}
        self._pending = (
            step,
            self._checkpointer.save_checkpointables_async(step, whole, force=True, overwrite=True),
        )

    def add_scores(self, step: int, metrics: Mapping[str, Any] | None) -> None:
        """Note on a checkpoint, once it is on disk, that it has been evaluated.

        Args:
            step: of the checkpoint.
            metrics: of the evaluation. Without them, or with a best metric that is not finite, the
                checkpoint can be the latest but not the best.

        Raises:
            ValueError: `metrics` lacks the best metric.
        """
        scores = {} if metrics is None else self._scores_of(metrics)
        self._remember(step, scores)
        self.note(step, metrics=scores)

    def note(self, step: int, **values: Any) -> None:
        """Note JSON values on a checkpoint, once it is on disk."""
        self.wait()
        if jax.process_index() == 0:
            records.note(self._directory, step, **values)

    def known(self, step: int) -> dict[str, Any]:
        """The record of a checkpoint on disk, see `checkpoint_record.known`."""
        return records.known(self._directory, step)

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
        saved = records.read_record(self._directory, step)["leaves"]
        records.check_same_leaves(saved, records.describe(abstract_state), step)
        self._read_through(step)
        abstract = jax.tree.map(_with_sharding, abstract_state)
        state = self._load(step, {"state": abstract})["state"]
        restored = records.describe(state, checksum=True)
        if altered := [name for name in restored if restored[name] != saved[name]]:
            raise damaged(step, f"the bytes of {records.some(altered)} have changed")
        self._own.add(step)
        return state

    def wait(self) -> None:
        """Return when what was saved is on disk.

        Raises:
            OSError: it could not be saved.
        """
        pending, self._pending = self._pending, None
        if pending is not None:
            step, response = pending
            try:
                response.result()
            except Exception as error:  # TensorStore's own are of many types, all with a reason
                raise OSError(f"checkpoint of step {step} is not saved: {error}") from error

    def close(self) -> None:
        """Finish saving and release threads and files."""
        try:
            self.wait()
        finally:
            with contextlib.suppress(Exception):  # a save that failed, which `wait` has told
                self._checkpointer.close()

    def _steps(self) -> list[int]:
        return [checkpoint.step for checkpoint in self._checkpointer.checkpoints]

    def _scores_of(self, metrics: Mapping[str, Any]) -> dict[str, float]:
        if self._best_metric not in metrics:
            names = ", ".join(sorted(metrics))
            raise ValueError(f"metrics: expected {self._best_metric} among them, got {names}")
        return {self._best_metric: float(metrics[self._best_metric])}

    def _remember(self, step: int, scores: Mapping[str, float] | None) -> None:
        score = (scores or {}).get(self._best_metric, math.nan)
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

    def _load(self, step: int, abstract: dict[str, Any]) -> dict[str, Any]:
        try:
            return self._checkpointer.load_checkpointables(step, abstract)
        except Exception as error:  # damage surfaces as many types, with the reason at the end
            cause: BaseException = error
            while cause.__cause__ is not None:
                cause = cause.__cause__
            raise damaged(step, cause) from error

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
            raise damaged(step, error) from error


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


def _with_sharding(leaf: Any) -> jax.ShapeDtypeStruct:
    sharding = getattr(leaf, "sharding", None)
    if sharding is None:  # else Orbax would ask for the devices the checkpoint was written on
        sharding = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding)
