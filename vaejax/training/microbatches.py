"""The gradient of one batch from equal parts of it, one after the other: the memory of one part.

Microbatch i of k holds the examples i, i + k, i + 2k, ... of the batch, so that on a mesh every
device works on examples of its own in each of them.

For an objective that is a mean over examples the result is that of the whole batch, drawn noise
included. What looks at several examples at once sees those of one microbatch, as if it were a batch
of its own: batch-norm statistics, the mean KL in gamma |KL - C|, the balance of groups, a
total correlation estimated from the batch, the two halves of FactorVAE. `model_state` passes
through all of them: running statistics and power iterations move k times in a step.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from vaejax.core.mesh import sum_over_shards
from vaejax.types import Array, Batch, Metrics, ModelState, Params

Gradient = Callable[[Params, ModelState, Batch], tuple[Params, tuple[Metrics, ModelState]]]
"""`(params, model_state, batch) -> (grads, (metrics, model_state))`, means over the batch."""


def accumulated(gradient: Gradient, num_microbatches: int) -> Gradient:
    """The same function, computed by a `lax.scan` over microbatches.

    Where `batch["mask"]` leaves examples out, a microbatch weighs by those of its examples that
    count. Errors, while tracing: ValueError for a batch that has no such number of equal parts.
    """
    if num_microbatches == 1:
        return gradient

    def accumulate(params: Params, model_state: ModelState, batch: Batch):
        parts = jax.tree.map(lambda array: _parts(array, num_microbatches), dict(batch))
        weights = _weights(parts.get("mask"), num_microbatches)

        def add(carry, inputs):
            total, model_state = carry
            weight, part = inputs
            grads, (metrics, model_state) = gradient(params, model_state, part)
            total = jax.tree.map(lambda t, g: t + (weight * g).astype(t.dtype), total, grads)
            return (total, model_state), metrics

        start = (jax.tree.map(jnp.zeros_like, params), model_state)
        (grads, model_state), metrics = jax.lax.scan(add, start, (weights, parts))
        means = jax.tree.map(lambda values: jnp.tensordot(weights, values, axes=1), metrics)
        return grads, (means, model_state)

    return accumulate


def _parts(array: Array, count: int) -> Array:
    """[B, ...] -> [count, B / count, ...]; the rows of a part stay on the devices they are on."""
    if array.shape[0] % count:
        raise ValueError(
            f"num_microbatches: expected a divisor of the {array.shape[0]} examples that a device "
            f"sees, got {count}"
        )
    return jnp.moveaxis(array.reshape(-1, count, *array.shape[1:]), 1, 0)


def _weights(mask: Array | None, count: int) -> Array:
    """The share [count] of every microbatch in the examples that count; `mask` is [count, b]."""
    if mask is None:
        return jnp.full(count, 1.0 / count)
    examples = sum_over_shards(mask.sum(1))
    return examples / jnp.maximum(examples.sum(), 1.0)
