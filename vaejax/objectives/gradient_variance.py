"""How noisy the gradient of an objective is, layer by layer: estimators told apart by numbers."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax.traverse_util import flatten_dict

from vaejax.core.checks import check_counts
from vaejax.types import Array, Batch, ModelState, Objective, Params


class GradientMoments(NamedTuple):
    """Of every parameter's gradient over fresh noise, two trees like the parameters.

    Attributes:
        mean: of the gradients.
        variance: unbiased, of a single step's gradient.
    """

    mean: Params
    variance: Params


def gradient_moments(
    objective: Objective,
    params: Params,
    model_state: ModelState,
    batch: Batch,
    rng: Array,
    *,
    num_keys: int,
    step: int = 0,
) -> GradientMoments:
    """Mean and variance of the loss's gradient over the noise of a training step.

    A pure function, one loop of `num_keys` steps that hold one gradient at a time; wrap it in
    `jit`. Parameters and state stay as they are given.

    Args:
        objective: whose loss.
        params: of all players.
        model_state: before the step; a moving average of a baseline is taken as it is.
        batch: the examples, always the same.
        rng: key, folded with the number of each draw.
        num_keys: N >= 2, how many draws.
        step: number of the step, for schedules.
    """
    check_counts(num_keys=(num_keys, 2))
    gradient = jax.grad(objective.loss, has_aux=True)

    def add(draw: Array, moments: GradientMoments) -> GradientMoments:
        """One more gradient (Welford, Note on a method for calculating corrected sums, 1962)."""
        key = jax.random.fold_in(rng, draw)
        new, _ = gradient(params, model_state, batch, key, jnp.int32(step), True)
        mean = jax.tree.map(lambda m, g: m + (g - m) / (draw + 1), moments.mean, new)
        squares = jax.tree.map(
            lambda total, g, before, after: total + (g - before) * (g - after),
            moments.variance,
            new,
            moments.mean,
            mean,
        )
        return GradientMoments(mean, squares)

    nothing = jax.tree.map(jnp.zeros_like, params)
    start = GradientMoments(nothing, nothing)
    mean, squares = jax.lax.fori_loop(0, num_keys, add, start)
    return GradientMoments(mean, jax.tree.map(lambda x: x / (num_keys - 1), squares))


def gradient_variance(
    objective: Objective,
    params: Params,
    model_state: ModelState,
    batch: Batch,
    rng: Array,
    *,
    num_keys: int,
    step: int = 0,
) -> dict[str, Array]:
    """The variance of the gradient by layer: the mean over the numbers of that layer.

    Args are those of `gradient_moments`. A layer is a module with parameters of its own, such as
    "model/encoder/mean" with its kernel and its bias.
    """
    moments = gradient_moments(
        objective, params, model_state, batch, rng, num_keys=num_keys, step=step
    )
    layers: dict[str, list[Array]] = {}
    for path, variance in flatten_dict(moments.variance).items():
        layers.setdefault("/".join(path[:-1]), []).append(variance.ravel())
    return {layer: jnp.concatenate(parts).mean() for layer, parts in layers.items()}
