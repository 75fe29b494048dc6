"""The importance-weighted log-likelihood of a model, averaged over a split.

Reference: Burda, Grosse & Salakhutdinov, Importance weighted autoencoders, 2016.
"""

import functools
import math
from collections.abc import Callable, Iterator
from typing import Any

import jax
from jax.sharding import Mesh, PartitionSpec

from vaejax import metrics
from vaejax.core.checks import check_counts
from vaejax.core.dependence import looks_at
from vaejax.core.mesh import DATA_AXIS, sum_over_shards
from vaejax.core.randomness import stream
from vaejax.distributions import bits_per_dim
from vaejax.evaluators.averages import averaged
from vaejax.evaluators.context import Context, Evaluator, with_units
from vaejax.nn.noise import example_keys, part_keys
from vaejax.objectives.bound import batch_mean, nats, per_example
from vaejax.objectives.views import need
from vaejax.training.state import TrainState
from vaejax.training.step import EvalStep
from vaejax.types import PER_EXAMPLE, Array, Batch, Metrics, ModelState, Params

WHO = "importance_weighted"


def importance_weighted(
    context: Context,
    *,
    split: str = "test",
    num_samples: int = 100,
    chunk: int = 10,
    batch_size: int = 64,
    num_examples: int | None = None,
) -> Evaluator:
    """A lower bound of log p(x) from K samples of the posterior, tighter than the ELBO.

    Of a model without latents it is log p(x) itself, whatever K: one pass, without `elbo` and
    `num_samples`. Such are those without the view `encode` whose `log_weight` looks at no noise.

    Noise depends on an example's index and a sample's number alone, so the numbers are the same for
    every `chunk`, `batch_size` and number of devices.

    Args:
        context: of the run; its objective has the views `noise` and `log_weight`.
        split: name of a split of the data set.
        num_samples: K.
        chunk: samples per image evaluated at once; memory grows with it, not with K.
        batch_size: images per batch over all devices.
        num_examples: how many examples to use, always the same random ones; None uses all.

    Returns:
        An evaluator that yields `log_likelihood` and `elbo` (over the same samples), nats per
        image, both also in bits per dimension (`_bpd`), each with a 95 % interval (`_low`, `_high`)
        for its expectation over fresh images with as many samples; `num_samples` and
        `num_examples`.
    """
    step = importance_weighted_step(context, num_samples=num_samples, chunk=chunk)
    average = averaged(context, step, split=split, batch_size=batch_size, num_examples=num_examples)

    def evaluate(state: TrainState) -> Iterator[tuple[str, Any]]:
        found = dict(average(state))
        yield from found.items()
        if "elbo" in found:  # an estimate
            yield "num_samples", num_samples

    return with_units(evaluate, dict(nats("log_likelihood", "elbo")))


def importance_weighted_step(
    context: Context, *, num_samples: int = 100, chunk: int = 10
) -> EvalStep:
    """The same for a batch, with the estimates of every image in `PER_EXAMPLE`.

    The batch lies on the devices of `context.mesh` and has `index` and `mask`. The key that the
    step is given does not count: the noise is that of every evaluation of the run.
    """
    check_counts(num_samples=(num_samples, 1), chunk=(chunk, 1))
    views = context.objective.views
    parts = need(views, "noise", WHO), need(views, "log_weight", WHO), views.num_dims
    latents = views.encode is not None
    estimate = _estimate(*parts, context.mesh, num_samples, chunk, latents)
    base_rng = stream(context.seed, "importance")

    def step(state: TrainState, batch: Batch, rng: Array) -> Metrics:
        del rng
        return estimate(state.ema_params, state.model_state, batch, base_rng)

    return step


@functools.lru_cache(maxsize=8)
def _estimate(
    noise: Callable[[Array], tuple[Array, ...]],
    log_weight: Callable[..., Array],
    num_dims: int | None,
    mesh: Mesh,
    num_samples: int,
    chunk: int,
    latents: bool,
) -> Callable[[Params, ModelState, Batch, Array], Metrics]:
    """The estimates of a batch, compiled once for all runs that share views."""

    def of_shard(params: Params, model_state: ModelState, batch: Batch, rng: Array) -> Metrics:
        keys = example_keys(rng, batch["index"])

        def weight(entries: tuple[Array, ...]) -> Array:  # [B]
            return log_weight(params, model_state, batch, entries)

        def one(sample: int | Array) -> Array:
            return weight(noise(part_keys(keys, sample)))

        if latents or looks_at(weight, noise(keys)):
            estimates = metrics.importance_weighted(jax.vmap(one), num_samples, chunk=chunk)
        else:
            estimates = {"log_likelihood": one(0)}
        size = num_dims or math.prod(batch["image"].shape[1:])
        bits = {f"{name}_bpd": bits_per_dim(-x, size) for name, x in estimates.items()}
        values, mask = {**estimates, **bits}, batch["mask"]
        return {
            **{name: batch_mean(some, mask) for name, some in values.items()},
            PER_EXAMPLE: per_example(values, mask),
            "num_examples": sum_over_shards(mask.sum()),
        }

    # Every device works on its own images: over samples and images at once, XLA would reshuffle.
    whole, split = PartitionSpec(), PartitionSpec(DATA_AXIS)
    return jax.jit(
        jax.shard_map(
            of_shard,
            mesh=mesh,
            in_specs=(whole, whole, split, whole),
            out_specs=whole,
            check_vma=False,
        )
    )
