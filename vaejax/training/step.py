"""The one training step and the one evaluation step.

`make_train_step` is pure and takes its collaborators as arguments; it trains every objective.
`devices` wraps it, `many_models` maps it over models; the numbers stay the same.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax

from vaejax.core.checks import check_counts, check_number
from vaejax.core.mesh import (
    DATA_AXIS,
    data_axis,
    gather_over_shards,
    mean_over_shards,
    refuse_checked_shard_map,
    sum_over_shards,
    with_positions,
)
from vaejax.training.microbatches import accumulated
from vaejax.training.skipping import judge
from vaejax.training.state import TrainState
from vaejax.types import PER_EXAMPLE, Array, Batch, Metrics, Objective

TrainStep = Callable[[TrainState, Batch, Array], tuple[TrainState, Metrics]]
EvalStep = Callable[[TrainState, Batch, Array], Metrics]


def make_train_step(
    objective: Objective,
    optimizer: optax.GradientTransformation,
    *,
    ema_decay: float = 0.999,
    num_microbatches: int = 1,
    skip_factor: float | None = None,
    axis_name: str = DATA_AXIS,
) -> TrainStep:
    """A pure function `(state, batch, rng) -> (state, metrics)`.

    `rng` is one constant key for the whole run; the step number is folded in here. The moving
    average warms up, decay_t = min(ema_decay, (1 + t) / (10 + t)), so that it forgets the random
    start of a short run.

    Args:
        objective: what to minimise.
        optimizer: an optax transformation of the gradients of all players.
        ema_decay: decay of the parameters' moving average, in [0, 1).
        num_microbatches: equal parts of a batch that are computed one after the other, for less
            memory; see `vaejax.training.microbatches` for what stays equal.
        skip_factor: a step that is not finite, or whose gradient norm is more than this many times
            the running norm, leaves everything but `step` and `guard` as it was, see
            `vaejax.training.skipping`; None takes every step.
        axis_name: of the batch axis, where the step is wrapped in a `pmap` (or `shard_map` with
            `check_vma=False`) of one's own; `pmap_step` uses the default.

    Returns:
        The step. Its metrics are the objective's, `loss`, `grad_norm` and, with a `skip_factor`,
        `skipped_steps`, the number of them so far.
    """
    check_number("ema_decay", ema_decay, lambda x: 0 <= x < 1, "a number in [0, 1)")
    check_counts(num_microbatches=(num_microbatches, 1))
    if skip_factor is not None:
        expected = "a number > 1 or None"
        check_number("skip_factor", skip_factor, lambda x: x > 1, expected, finite=False)
    loss_and_gradient = jax.value_and_grad(objective.loss, has_aux=True)

    def train_step(state: TrainState, batch: Batch, rng: Array) -> tuple[TrainState, Metrics]:
        key = jax.random.fold_in(rng, state.step)

        def gradient(params, model_state, batch):
            (loss, (metrics, model_state)), grads = loss_and_gradient(
                params, model_state, batch, key, state.step, True
            )
            return grads, ({"loss": loss, **metrics}, model_state)

        with data_axis(axis_name):
            refuse_checked_shard_map(batch)
            batch = with_positions(batch)
            grads, (metrics, model_state) = accumulated(gradient, num_microbatches)(
                state.params, state.model_state, batch
            )
            grads, metrics = mean_over_shards((grads, metrics))
        metrics["grad_norm"] = optax.tree.norm(grads)

        def update(state: TrainState) -> TrainState:
            updates, opt_state = optimizer.update(grads, state.opt_state, state.params)
            params = optax.apply_updates(state.params, updates)
            decay = jnp.minimum(ema_decay, (1.0 + state.step) / (10.0 + state.step))
            return state._replace(
                params=params,
                ema_params=optax.incremental_update(params, state.ema_params, 1.0 - decay),
                model_state=model_state,
                opt_state=opt_state,
            )

        if skip_factor is None:
            state = update(state)
        else:
            taken, guard = judge(state.guard, metrics["loss"], metrics["grad_norm"], skip_factor)
            # On CPU a branch is as fast as no choice at all; selecting every leaf costs up to 3 %.
            state = jax.lax.cond(taken, update, lambda state: state, state)._replace(guard=guard)
            metrics["skipped_steps"] = guard.num_skipped
        return state._replace(step=state.step + 1), metrics

    return train_step


def make_eval_step(objective: Objective, *, axis_name: str = DATA_AXIS) -> EvalStep:
    """A pure function `(state, batch, rng) -> metrics` of the averaged parameters.

    With the same `rng` for all batches of an evaluation and an `index` in them, an example's noise
    is the same in every batch. The metrics are means over the examples that `batch["mask"]` counts,
    and `num_examples`, their number, so that batches can be combined into an exact mean over a data
    set; and where the objective knows them, `vaejax.types.PER_EXAMPLE`, the values of the examples.
    `axis_name` is that of `make_train_step`.
    """

    def eval_step(state: TrainState, batch: Batch, rng: Array) -> Metrics:
        mask = batch.get("mask", jnp.ones(batch["image"].shape[0]))
        with data_axis(axis_name):
            batch = {**with_positions(batch), "mask": mask}
            _, (metrics, _) = objective.loss(
                state.ema_params, state.model_state, batch, rng, state.step, False
            )
            if PER_EXAMPLE in metrics:
                metrics = {
                    **metrics,
                    PER_EXAMPLE: {"mask": gather_over_shards(mask), **metrics[PER_EXAMPLE]},
                }
            return {**metrics, "num_examples": sum_over_shards(mask.sum())}

    return eval_step
