"""One program for all members of a sweep that differ only in numbers and seeds.

A number that differs (a beta, a learning rate) is no constant of the program. It lies in the train
state, beside the batch statistics and the moments of the optimiser, and objective and optimiser are
built from it inside the compiled function. So the train step and the evaluations are those of a
single run, compiled once for all members; `ordinary` takes the numbers out again for the disk.
"""

import copy
import dataclasses
import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import jax
import ml_collections
import numpy as np
import optax
from jax.typing import ArrayLike

from vaejax.evaluators import Evaluator
from vaejax.runs import config as configuration
from vaejax.runs.config import ConfigError
from vaejax.runs.kept_data import fingerprint
from vaejax.runs.setup import Run, build, evaluations, initial_arguments, objective_of, refusals
from vaejax.sweep.members import Member, value_of
from vaejax.training import optimizers
from vaejax.training.state import TrainState, create_train_state
from vaejax.types import Array, Batch, ModelState, Objective, Params

Numbers = Mapping[str, ArrayLike]
"""By dotted key, `{"objective.beta": 4.0, "optimizer.learning_rate": 1e-3}`; float32 scalars."""

COLLECTION = "sweep"  # of the model state: where a state has its numbers


class Program:
    """What its members share: data, model, and the objective and optimiser of a state's numbers.

    Args:
        config: of one of the members.
        names: keys of the numbers in which the members differ.

    Attributes:
        run: the run of `config`, with its numbers as constants.
        names: as given.
        objective: an objective whose numbers are those of the state.
        optimizer: likewise.
    """

    def __init__(self, config: ml_collections.ConfigDict, names: Sequence[str]):
        self.run: Run = build(config)
        self.names = tuple(names)
        self.objective = self.run.context.objective._replace(loss=self._loss)
        self.optimizer = optax.GradientTransformation(self.run.optimizer.init, self._update)
        self._sections = config.to_dict()
        self._create = jax.jit(self._state_of)

    @functools.cached_property
    def data_seen(self) -> dict[str, Any]:
        """The fingerprint of the members' data."""
        return fingerprint(self._sections["data"]["name"], self.run.context.splits)

    def initial_state(self, member: Member) -> TrainState:
        """A member's state before the first step, with its numbers."""
        settings = dataclasses.replace(self.run.settings, seed=member.seed)
        return self._create(*initial_arguments(self.run.source, settings), self.numbers_of(member))

    def numbers_of(self, member: Member) -> dict[str, np.float32]:
        """A member's values of the numbers in which the members differ."""
        return {name: np.float32(value_of(member.config, name)) for name in self.names}

    def evaluators_of(self, member: Member) -> dict[str, Evaluator]:
        """A member's evaluations, of states with numbers; what they compile, all members share."""
        context = self.run.context._replace(objective=self.objective, seed=member.seed)
        return evaluations(member.config, context)

    def check(self, member: Member) -> None:
        """Raise ConfigError unless objective and optimiser take a member's numbers."""
        numbers = {name: value_of(member.config, name) for name in self.names}
        self._objective_with(numbers)
        self._optimizer_with(numbers)

    def can_trace(self, name: str, values: Iterable[float]) -> bool:
        """Whether one program can take the number at this key as an input.

        Args:
            name: the key.
            values: of the members.

        Returns:
            False if the code of objective or optimiser asks for its value, or if the state of a
            single run with one of the values has other parts than the program's.
        """
        arguments = initial_arguments(self.run.source, self.run.settings)

        def use(number: Array) -> Any:
            """Build, train and evaluate with it, as far as shapes go."""
            rng, batch = arguments
            state = self._state_of(rng, batch, {name: number})
            for is_training in (True, False):
                self._loss(state.params, state.model_state, batch, rng, state.step, is_training)
            _, (_, opt_state) = self._update(state.params, state.opt_state, state.params)
            return state.params, opt_state

        try:
            with refusals():
                params, ours = jax.eval_shape(use, jax.ShapeDtypeStruct((), np.float32))
        except (ConfigError, TypeError):  # `configuration` turns some of JAX's errors into its own
            return False
        of_runs = [
            jax.eval_shape(self._optimizer_with({name: value}).init, params) for value in values
        ]
        wanted: Any = jax.tree.structure(ours)
        return all(wanted == jax.tree.structure(state) for state in of_runs)

    def _state_of(self, rng: Array, batch: Batch, numbers: Numbers) -> TrainState:
        parts = self._objective_with(numbers), self._optimizer_with(numbers)
        return with_numbers(create_train_state(*parts, rng, batch), numbers)

    def _loss(self, params: Params, model_state: ModelState, *args: Any):
        rest = dict(model_state)
        numbers = rest.pop(COLLECTION)
        loss, (metrics, after) = self._objective_with(numbers).loss(params, rest, *args)
        return loss, (metrics, {**after, COLLECTION: numbers})

    def _update(self, grads: Params, opt_state: Any, params: Params):
        numbers, inner = opt_state
        updates, inner = self._optimizer_with(numbers).update(grads, inner, params)
        return updates, (numbers, inner)

    def _objective_with(self, numbers: Numbers) -> Objective:
        section = self._section("objective", numbers)
        return objective_of(section, self.run.model, self.run.source)

    def _optimizer_with(self, numbers: Numbers) -> optax.GradientTransformation:
        section = self._section("optimizer", numbers)
        return configuration.call("config.optimizer", optimizers.make_optimizer, section)

    def _section(self, name: str, numbers: Numbers) -> dict[str, Any]:
        section = copy.deepcopy(self._sections[name])
        for key, number in numbers.items():
            first, *path = key.split(".")
            if first == name:
                place = functools.reduce(dict.__getitem__, path[:-1], section)
                place[path[-1]] = number
        return section


def with_numbers(state: TrainState, numbers: Numbers) -> TrainState:
    """An ordinary state as the programs of a sweep take it."""
    return state._replace(
        model_state={**state.model_state, COLLECTION: dict(numbers)},
        opt_state=(dict(numbers), state.opt_state),
    )


def ordinary(state: TrainState) -> TrainState:
    """The state as a single run has it, without numbers."""
    rest = {name: value for name, value in state.model_state.items() if name != COLLECTION}
    return state._replace(model_state=rest, opt_state=state.opt_state[1])
