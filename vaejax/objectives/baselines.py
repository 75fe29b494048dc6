"""What is subtracted from the weight of a score, to lower its variance and not change its mean.

Anything that does not depend on the draw whose score it is will do.

References:
    Mnih & Rezende, Variational inference for Monte Carlo objectives, 2016, Eq. 9 and 10 (VIMCO).
    Williams, Simple statistical gradient-following algorithms, 1992 (a moving average).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from vaejax.objectives.bound import batch_mean
from vaejax.objectives.passes import Pass
from vaejax.types import Array, Batch, Init, ModelState, Params

State = Mapping[str, Array]

COLLECTION = "baseline"  # of `model_state`
DECAY = 0.9  # of the moving average
_WEIGHT = "weight"  # of all steps so far


def bound_of_the_others(log_w: Array) -> Array:
    """The importance-weighted bound with each draw's weight made of those of the others, [K, B].

    log 1/K (sum_{j != k} w_j + w_-k), where w_-k is the geometric mean of the others' weights.

    Args:
        log_w: [K, B] of K >= 2 draws.
    """
    num_samples = log_w.shape[0]
    sums = _of_the_others(jnp.cumsum, jnp.add, 0.0, log_w)
    log_sums = _of_the_others(_log_cumulated, jnp.logaddexp, -jnp.inf, log_w)
    return jnp.logaddexp(log_sums, sums / (num_samples - 1)) - jnp.log(num_samples)


def _of_the_others(cumulate: Any, combine: Any, nothing: float, x: Array) -> Array:
    """A reduction of [K, B] over all rows but each; nothing of that row, not even its rounding."""
    none = jnp.full_like(x[:1], nothing)
    before = jnp.concatenate([none, cumulate(x, axis=0)[:-1]])
    after = jnp.concatenate([cumulate(x[::-1], axis=0)[:-1][::-1], none])
    return combine(before, after)


def _log_cumulated(x: Array, axis: int) -> Array:
    return jax.lax.cumlogsumexp(x, axis=axis)


def with_averages(init: Init, names: Sequence[str]) -> Init:
    """`init` with moving averages of these names in the model state, of no steps so far."""

    def extended(rng: Array, batch: Batch) -> tuple[Params, ModelState]:
        params, model_state = init(rng, batch)
        zeros = {name: jnp.zeros(()) for name in (*names, _WEIGHT)}
        return params, {**model_state, COLLECTION: zeros}

    return extended


def taken_out(passing: Pass) -> tuple[Pass, State]:
    """The pass without the state of moving averages, and that state; empty, where there is none."""
    state = dict(passing.model_state)
    history = state.pop(COLLECTION, {})
    return passing._replace(model_state=state), history


def averages(history: State) -> State:
    """The moving averages by name; 0 before the first step."""
    # The first step weighs 1 - DECAY, and all together come ever closer to 1.
    weight = history.get(_WEIGHT, 0.0)
    return {
        name: value / jnp.where(weight > 0.0, weight, 1.0)
        for name, value in history.items()
        if name != _WEIGHT
    }


def moved(history: State, values: Mapping[str, Array], passing: Pass) -> ModelState:
    """The collection after one more step's values [B], of the examples that count.

    In an evaluation it stays as it is; where there is none, there is nothing to add to a state.
    """
    if not history or not passing.train:
        return {COLLECTION: history} if history else {}
    mask = passing.batch.get("mask")
    newest = {name: batch_mean(jax.lax.stop_gradient(x), mask) for name, x in values.items()}
    counts = jnp.ones(len(passing.batch["position"]))
    newest[_WEIGHT] = batch_mean(counts, mask)  # 0 where no example counts
    return {
        COLLECTION: {
            name: DECAY * old + (1.0 - DECAY) * newest[name] for name, old in history.items()
        }
    }
