"""Everything a training run carries from step to step, and nothing else."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from vaejax.core.mesh import with_positions
from vaejax.training.skipping import Guard
from vaejax.types import Array, Batch, ModelState, Objective, Params


class TrainState(NamedTuple):
    """The state of a run; a checkpoint is this and the configuration.

    Attributes:
        step: number of steps taken, int32 scalar.
        params: trainable parameters by player.
        ema_params: their exponential moving average, what evaluation uses.
        model_state: what gradients do not touch (batch statistics, ...).
        opt_state: the optimiser's.
        guard: what decides which steps are skipped, where any are.
    """

    step: Array
    params: Params
    ema_params: Params
    model_state: ModelState
    opt_state: Any
    guard: Guard = Guard()


def create_train_state(
    objective: Objective, optimizer: optax.GradientTransformation, rng: Array, batch: Batch
) -> TrainState:
    """The state before the first step; wrap it in `jit`.

    Args:
        objective: what will be minimised.
        optimizer: of its players.
        rng: key.
        batch: the first one, whole; most objectives look at its shapes alone.
    """
    params, model_state = objective.init(rng, with_positions(batch))
    return TrainState(
        step=jnp.zeros((), jnp.int32),
        params=params,
        # A copy, because a donated state must not hold one buffer twice.
        ema_params=jax.tree.map(jnp.copy, params),
        model_state=model_state,
        opt_state=optimizer.init(params),
    )


def count_parameters(params: Params) -> int:
    """How many trainable numbers there are."""
    return sum(leaf.size for leaf in jax.tree.leaves(params))
