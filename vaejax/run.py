"""What a configuration stands for: its objects, checked, and the state a run begins with."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import ml_collections
import optax

from vaejax import config as configuration
from vaejax import data, evaluators, models, objectives, optimizers
from vaejax.checkpoint import Checkpoints
from vaejax.config import ConfigError, TrainSettings
from vaejax.evaluators import Context, Evaluator
from vaejax.parallel import data_mesh, replicated
from vaejax.train_state import TrainState, create_train_state
from vaejax.types import Array, Objective


class Run(NamedTuple):
    """The objects of one configuration.

    Attributes:
        settings: the section `train`.
        context: model, objective, data and devices, for evaluations and pictures.
        optimizer: of the objective's players.
        source: the images to train on.
        held_out: the images to look at: those of the first evaluation.
        evaluators: by the name in the section `eval`.
        eval_splits: the split that each of them looks at.
    """

    settings: TrainSettings
    context: Context
    optimizer: optax.GradientTransformation
    source: data.Source
    held_out: data.Source
    evaluators: Mapping[str, Evaluator]
    eval_splits: Mapping[str, str]

    def evaluate(self, state: TrainState) -> dict[str, dict[str, Any]]:
        """The scores of every evaluation of the configuration: `{evaluation: {metric: value}}`."""
        return {name: dict(evaluator(state)) for name, evaluator in self.evaluators.items()}


def build(config: ml_collections.ConfigDict) -> Run:
    """Everything a configuration names, checked; nothing is compiled.

    Raises:
        ConfigError: with the key, what was expected, and the nearest valid key.
    """
    settings = configuration.call("config.train", TrainSettings, config.train)
    num_devices = jax.device_count()
    if settings.batch_size % num_devices:
        raise ConfigError(
            f"config.train.batch_size: expected a multiple of {num_devices} devices, "
            f"got {settings.batch_size}"
        )
    optimizer = configuration.call("config.optimizer", optimizers.make_optimizer, config.optimizer)
    splits = configuration.build("config.data", data, config.data, returns=data.Splits)
    if settings.split not in splits:
        raise ConfigError(configuration.unknown_key("config.train.split", settings.split, splits))
    source = splits[settings.split]
    model_section = {"image_shape": source.image_shape, **config.model}
    model = configuration.build("config.model", models, model_section)
    objective = configuration.build(
        "config.objective", objectives, config.objective, model, returns=Objective
    )
    context = Context(model, objective, splits, data_mesh(), settings.seed)
    evaluations = {
        name: configuration.build(
            f"config.eval.{name}", evaluators, {"name": name, **section}, context, returns=Evaluator
        )
        for name, section in config.eval.items()
    }
    eval_splits = {name: section.get("split", "test") for name, section in config.eval.items()}
    held_out = splits[next(iter(eval_splits.values()), settings.split)]
    return Run(settings, context, optimizer, source, held_out, evaluations, eval_splits)


def initial_state(run: Run) -> TrainState:
    """The state before the first step, on the run's devices."""
    return _create(run)(_rngs(run)[0])


def restored_state(
    run: Run, checkpoints: Checkpoints, which: Literal["latest", "best"] = "latest"
) -> TrainState:
    """The state of a checkpoint, on the run's devices, whatever devices it was saved from.

    Raises:
        FileNotFoundError: there is no checkpoint.
        ValueError: the checkpoint is of another model or optimiser.
    """
    everywhere = replicated(run.context.mesh)
    abstract = jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=everywhere),
        jax.eval_shape(_create(run), _rngs(run)[0]),
    )
    restore = {"latest": checkpoints.restore_latest, "best": checkpoints.restore_best}[which]
    return restore(abstract)


def step_rng(run: Run) -> Array:
    """The one constant key of all training steps."""
    return _rngs(run)[1]


def _rngs(run: Run) -> Array:
    return jax.random.split(jax.random.key(run.settings.seed))


def _create(run: Run):
    """A compiled function from a key to a new state; of the images only the shape matters."""
    batch = {"image": jnp.zeros((1, *run.source.image_shape))}

    def create(rng: Array) -> TrainState:
        return create_train_state(run.context.objective, run.optimizer, rng, batch)

    return jax.jit(create, out_shardings=replicated(run.context.mesh))
