"""What a configuration stands for: its objects, checked, and the state a run begins with."""

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple

import jax
import ml_collections
import optax

from vaejax import data, evaluators, models, objectives
from vaejax.core.mesh import check_batch_size, data_mesh, replicated
from vaejax.core.randomness import stream
from vaejax.distributions import Likelihood
from vaejax.evaluators import Context, Evaluator
from vaejax.runs import config as configuration
from vaejax.runs.checkpoint import Checkpoints
from vaejax.runs.config import ConfigError, TrainSettings
from vaejax.runs.metric_lines import TRAIN
from vaejax.training import optimizers
from vaejax.training.state import TrainState, create_train_state
from vaejax.training.step import TrainStep, make_train_step
from vaejax.types import Array, Batch, Objective

HELD_OUT = ("test", "validation")  # where pictures take their images, the first there is


class Run(NamedTuple):
    """The objects of one configuration.

    Attributes:
        settings: the section `train`.
        model: what the objective trains, or its first player.
        context: objective, data and devices, for evaluations and pictures.
        optimizer: of the objective's players.
        source: the images to train on.
        held_out: the images to look at.
        evaluators: by split and name in the section `eval`, `test/bound`.
    """

    settings: TrainSettings
    model: Any
    context: Context
    optimizer: optax.GradientTransformation
    source: data.Source
    held_out: data.Source
    evaluators: Mapping[str, Evaluator]

    @property
    def units(self) -> dict[str, Mapping[str, str]]:
        """Units of metrics by split: those of training, and of every evaluation."""
        of_evaluations = {name: evaluators.units_of(e) for name, e in self.evaluators.items()}
        return {TRAIN: dict(self.context.objective.units), **of_evaluations}


def build(
    config: ml_collections.ConfigDict,
    *,
    for_sampling: bool = False,
    splits: data.Splits | None = None,
) -> Run:
    """Everything a configuration names, checked; nothing is compiled.

    Args:
        config: of the run.
        for_sampling: leave out the evaluations, and where `config.model.image_shape` says all that
            samples need to know of the data, those too.
        splits: in place of the data that the configuration names.

    Raises:
        ConfigError: with the key, what was expected, and the nearest valid key.
    """
    configuration.check_sections(config)
    for section in ("data", "model", "objective", "optimizer", "train"):
        if section not in config:
            raise ConfigError(f"config.{section}: expected a section of that name, got none")
    settings = configuration.call("config.train", TrainSettings, config.train)
    num_devices = 1 if for_sampling else jax.device_count()  # which share batches of training
    size = {"batch_size": settings.batch_size}
    configuration.call("config.train", check_batch_size, size, num_devices)
    if settings.batch_size // num_devices % settings.num_microbatches:
        raise ConfigError(
            "config.train.num_microbatches: expected a divisor of the "
            f"{settings.batch_size // num_devices} images of a device, "
            f"got {settings.num_microbatches}"
        )
    optimizer = configuration.call("config.optimizer", optimizers.make_optimizer, config.optimizer)
    if splits is not None:
        pass
    elif for_sampling and "image_shape" in config.model and not config.data.get("standardize"):
        shape, num_labels = tuple(config.model.image_shape), config.model.get("num_labels")
        splits = {settings.split: data.Unseen(shape, num_labels)}
    else:
        splits = configuration.build("config.data", data, config.data, returns=data.Splits)
    if settings.split not in splits:
        raise ConfigError(configuration.unknown_key("config.train.split", settings.split, splits))
    source = splits[settings.split]
    model = configuration.build("config.model", models, config.model, known=source.facts())
    likelihood = getattr(model, "likelihood", None)
    _check_channels(source.image_shape[-1], likelihood)
    if likelihood and not likelihood.any_range and not source.in_unit_interval:
        raise ConfigError(
            "config.model.likelihood: expected 'gaussian' for standardised images, which leave "
            "[0, 1]; or set config.data.standardize=False"
        )
    if likelihood and None not in (likelihood.bits, source.bits) and likelihood.bits != source.bits:
        raise ConfigError(
            f"config.model.likelihood.bits: expected {source.bits}, as the images have, "
            f"got {likelihood.bits}; config.data.bits says how many are kept of 8"
        )
    objective = objective_of(config.objective, model, source)
    context = Context(objective, splits, data_mesh(), settings.seed)
    scores = {} if for_sampling else evaluations(config, context)
    held_out = splits[next((name for name in HELD_OUT if name in splits), settings.split)]
    run = Run(settings, model, context, optimizer, source, held_out, scores)
    if config.optimizer.get("players"):
        try:
            abstract_state(run)  # the players are known only once there are parameters
        except ValueError as error:
            raise ConfigError(f"config.optimizer.{error}") from error
    return run


def objective_of(section: Mapping[str, Any], model: Any, source: data.Source) -> Objective:
    """The objective of the section `objective`; `num_examples` is that of the training split.

    Raises:
        ConfigError: the section is none that can be built, or gives another number.
    """
    objective = configuration.build(
        "config.objective", objectives, section, model, returns=Objective, known=source.facts()
    )
    if not isinstance(objective, Objective):
        raise ConfigError(
            f"config.objective.name: expected a function that returns an Objective, got "
            f"{section['name']!r}, which returns {type(objective).__name__}"
        )
    return objective


def _check_channels(channels: int, likelihood: Likelihood | None) -> None:
    """Raise where a likelihood has no place for the channels; say what pictures leave out of them.

    Satellites see in four channels or more, and pictures with transparency have one beside colours.
    """
    if likelihood:
        try:
            likelihood.num_outputs(channels)
        except ValueError as error:
            raise ConfigError(f"config.model.likelihood: {error}") from error
    if channels not in (1, 3):
        warnings.warn(
            f"images have {channels} channels, all of which are modelled; pictures show the first "
            f"{min(channels, 3)} as {'red, green and blue' if channels > 3 else 'red and green'}",
            stacklevel=3,
        )


def evaluations(config: ml_collections.ConfigDict, context: Context) -> dict[str, Evaluator]:
    """The evaluators of the section `eval`, checked, by split and name.

    A key of the section is the name of an evaluator, or anything where `name` says which it is.
    """
    scores = {}
    for name, section in config.get("eval", {}).items():
        key = f"config.eval.{name}"
        configuration.check_mapping(key, section)
        scores[_label(name, section)] = configuration.build(
            key, evaluators, {"name": name, **section}, context, returns=Evaluator
        )
    return scores


def _label(name: str, section: Mapping[str, Any]) -> str:
    return f"{section['split']}/{name}" if "split" in section else name


@contextmanager
def refusals() -> Iterator[None]:
    """Around the first use of a batch: what models and objectives refuse of it, the configuration
    got wrong.

    Raises:
        ConfigError: for a ValueError "name: expected X, got Y"; any other error stays itself.
    """
    try:
        yield
    except ConfigError:
        raise
    except ValueError as error:
        name, found, _ = str(error).partition(": expected ")
        if not found or not name.isidentifier():
            raise
        section = "config.train." if name in TrainSettings.__dataclass_fields__ else ""
        raise ConfigError(f"{section}{error}") from error


def initial_state(run: Run) -> TrainState:
    """The state before the first step, on the run's devices.

    Raises:
        ConfigError: model or objective refuse the batch.
    """
    with refusals():
        return _create(run)(*initial_arguments(run.source, run.settings))


def initial_arguments(source: data.Source, settings: TrainSettings) -> tuple[Array, Batch]:
    """What an initial state depends on: its key, and the first batch, which models may look at."""
    indices = data.batch_indices(settings.seed, 0, len(source), settings.batch_size)
    return stream(settings.seed, "init"), source.batch(indices)


def restored_state(
    run: Run, checkpoints: Checkpoints, which: Literal["latest", "best"] = "latest"
) -> TrainState:
    """The state of a checkpoint, on the run's devices, whatever devices it was saved from.

    Raises:
        FileNotFoundError: there is no checkpoint.
        ValueError: the checkpoint is of another model or optimiser.
    """
    restore = {"latest": checkpoints.restore_latest, "best": checkpoints.restore_best}[which]
    return restore(abstract_state(run))


def abstract_state(run: Run) -> TrainState:
    """The shapes of a run's state, on the run's devices."""
    batch = run.source.abstract_batch(run.settings.batch_size)
    everywhere = replicated(run.context.mesh)
    return jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=everywhere),
        jax.eval_shape(_create(run), stream(run.settings.seed, "init"), batch),
    )


def step_rng(settings: TrainSettings) -> Array:
    """The one constant key of all training steps."""
    return stream(settings.seed, "train")


def train_step(
    objective: Objective, optimizer: optax.GradientTransformation, settings: TrainSettings
) -> TrainStep:
    """The training step that the section `train` asks for."""
    return make_train_step(
        objective,
        optimizer,
        ema_decay=settings.ema_decay,
        num_microbatches=settings.num_microbatches,
        skip_factor=settings.skip_factor,
    )


def _create(run: Run) -> Callable[[Array, Batch], TrainState]:
    def create(rng: Array, batch: Batch) -> TrainState:
        return create_train_state(run.context.objective, run.optimizer, rng, batch)

    return jax.jit(create, out_shardings=replicated(run.context.mesh))
