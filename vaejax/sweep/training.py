"""Trains members of one program, as many at once as it is given."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from functools import partial
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding

from vaejax import data
from vaejax.core.mesh import models_mesh, models_sharding, replicated
from vaejax.core.randomness import stream
from vaejax.data.prefetch import Prefetched
from vaejax.runs.config import TrainSettings
from vaejax.runs.occupied import occupied
from vaejax.runs.scores import is_due
from vaejax.runs.setup import refusals, train_step
from vaejax.sweep.folder import Folder
from vaejax.sweep.members import Member
from vaejax.sweep.program import Program
from vaejax.training.many_models import SweepStep, make_sweep_step, over_devices
from vaejax.training.state import TrainState
from vaejax.types import Array, Metrics

MAX_STEPS = 100  # in one call: enough to hide what a call costs, few enough to stop soon


class Trainer:
    """Trains members of one program; what it compiles serves every pack of the same size.

    Args:
        program: of the members.
        how: the members of a pack are trained, see `make_sweep_step`.
        say: told of every evaluation of a pack; silent by default.
    """

    def __init__(
        self,
        program: Program,
        how: Literal["vmap", "map"],
        say: Callable[[str], None] = lambda line: None,
    ):
        run = program.run
        self._say = say
        self._program, self._source, self._settings = program, run.source, run.settings
        self._step = make_sweep_step(
            train_step(program.objective, program.optimizer, run.settings),
            partial(data.gather_batch, run.source),
            how=how,
        )
        self._placements: dict[int, _Placement] = {}

    def train(self, members: Sequence[Member], stop_requested: Callable[[], bool]) -> None:
        """Train a pack to its end, or until `stop_requested`: then the step at hand is saved.

        Args:
            members: the pack, none of them finished; each goes on from its latest checkpoint.
            stop_requested: asked after every call of the compiled steps.
        """
        with ExitStack() as stack:
            by_step: dict[int, list[Folder]] = {}
            for member in members:
                member.workdir.mkdir(parents=True, exist_ok=True)
                stack.enter_context(occupied(member.workdir))
                folder = stack.enter_context(closing(Folder(member, self._program)))
                folder.catch_up()
                if not folder.diverged:
                    by_step.setdefault(int(folder.state.step), []).append(folder)
            for step, folders in by_step.items():  # several after a kill between two saves
                # One that has come to its end meanwhile was trained by another process.
                if step < self._settings.num_steps and not stop_requested():
                    self._train_from(step, folders, stop_requested)

    def _train_from(
        self, start: int, folders: Sequence[Folder], stop_requested: Callable[[], bool]
    ) -> None:
        placement = self._placement(len(folders))
        # Every device trains as many; where that does not come out even, copies fill up.
        filled = [*folders, *[folders[-1]] * (-len(folders) % placement.sharding.mesh.size)]
        seeds = [folder.member.seed for folder in filled]
        states, rngs = jax.device_put(
            (
                jax.tree.map(lambda *leaves: np.stack(leaves), *[f.state for f in filled]),
                {
                    "train": jnp.stack([stream(seed, "train") for seed in seeds]),
                    "data": jnp.stack([data.data_rng(seed) for seed in seeds]),
                },
            ),
            placement.sharding,
        )
        stretches = list(_stretches(start, self._settings))
        longest = max(length for _, length in stretches)

        def indices_of(number: int) -> Array:  # [M, K, B], K the same in every call
            first, _ = stretches[number]
            by_seed = {seed: self._indices(seed, first, longest) for seed in set(seeds)}
            return jax.device_put(np.stack([by_seed[s] for s in seeds]), placement.sharding)

        with Prefetched(indices_of, range(len(stretches))) as all_indices:
            for (first, length), indices in zip(stretches, all_indices, strict=True):
                with refusals():
                    states, metrics = placement.step(
                        states, rngs, indices, placement.records, np.int32(length)
                    )
                stopping = stop_requested()
                self._record(first + length, folders, states, metrics, stopping)
                if stopping or all(folder.diverged for folder in folders):
                    return

    def _record(
        self,
        step: int,
        folders: Sequence[Folder],
        states: TrainState,
        metrics: Metrics,
        stopping: bool,
    ) -> None:
        """Log, save and evaluate what is due after a step."""
        settings = self._settings
        log = step % settings.log_every == 0 or step == settings.num_steps
        evaluate = is_due(step, settings)
        if not (log or evaluate or stopping):
            return
        if not (evaluate or stopping):  # then what tells the health of a member is enough
            states = states._replace(params={}, ema_params={}, model_state={}, opt_state=())
        states, metrics = jax.device_get((states, metrics))
        for i, folder in enumerate(folders):
            if folder.diverged:
                continue
            take = partial(jax.tree.map, lambda leaf, i=i: leaf[i])
            folder.check(take(states), take(metrics))
            if folder.diverged:
                continue
            if log:
                folder.log(step, take(metrics))
            if evaluate or stopping:
                folder.save(take(states))
        if evaluate and not stopping:  # else whoever goes on from there begins with it
            for i, folder in enumerate(folders):
                if not folder.diverged:
                    folder.evaluate(jax.tree.map(lambda leaf, i=i: leaf[i], states))
            diverged = sum(folder.diverged for folder in folders)
            self._say(
                f"step {step} of {settings.num_steps}: {len(folders) - diverged} of "
                f"{len(folders)} members evaluated and saved"
            )

    def _indices(self, seed: int, first: int, num_steps: int) -> np.ndarray:
        size = self._settings.batch_size
        return data.indices_of_steps(seed, first, num_steps, len(self._source), size)

    def _placement(self, num_models: int) -> "_Placement":
        """On as few devices as train `num_models` as fast as all of them would."""
        devices = jax.devices()
        each = -(-num_models // len(devices))
        count = -(-num_models // each)
        if count not in self._placements:
            mesh = models_mesh(devices[:count])
            records = jax.device_put(data.all_records(self._source), replicated(mesh))
            self._placements[count] = _Placement(
                models_sharding(mesh), over_devices(self._step, mesh), records
            )
        return self._placements[count]


class _Placement(NamedTuple):
    """A number of devices, with the program compiled for them and the data on each of them."""

    sharding: NamedSharding
    step: SweepStep
    records: Any


def _stretches(start: int, settings: TrainSettings) -> Iterator[tuple[int, int]]:
    """`(first step, number of steps)` of the calls from `start` to the end of a run.

    A call ends wherever there is something to log or to evaluate.
    """
    while start < settings.num_steps:
        due = [-(start % -every) or every for every in (settings.log_every, settings.eval_every)]
        length = min(*due, settings.num_steps - start, MAX_STEPS)
        yield start, length
        start += length
