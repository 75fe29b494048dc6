"""The importance-weighted log-likelihood of a model, averaged over a split.

Reference: Burda, Grosse & Salakhutdinov, Importance weighted autoencoders, 2016.
"""

from typing import Any

import jax
from jax.sharding import PartitionSpec

from vaejax import metrics
from vaejax.distributions import bits_per_dim, num_scored
from vaejax.evaluators.averages import averaged
from vaejax.evaluators.context import Context, Evaluator
from vaejax.objectives.bound import batch_mean, per_example
from vaejax.parallel import DATA_AXIS, sum_over_shards
from vaejax.randomness import draw, stream
from vaejax.train_state import TrainState
from vaejax.types import PER_EXAMPLE, Array, Batch, Metrics, VAEOutput


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

    Noise depends on an example's index and a sample's number alone, so the numbers are the same for
    every `chunk`, `batch_size` and number of devices.

    Args:
        context: of the run; its model returns `VAEOutput`.
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
    for name, value in (("num_samples", num_samples), ("chunk", chunk)):
        if value < 1:
            raise ValueError(f"{name}: expected at least 1, got {value}")
    base_rng = stream(context.seed, "importance")

    def local_step(variables: Any, batch: Batch) -> Metrics:
        samples = PosteriorSamples(context.model, variables, batch, base_rng)
        estimates = metrics.importance_weighted(samples.log_weights, num_samples, chunk=chunk)
        bits = {f"{n}_bpd": bits_per_dim(-x, samples.num_dims) for n, x in estimates.items()}
        values, mask = {**estimates, **bits}, batch["mask"]
        return {
            **{name: batch_mean(some, mask) for name, some in values.items()},
            PER_EXAMPLE: per_example(values, mask),
            "num_examples": sum_over_shards(mask.sum()),
        }

    # Every device works on its own images: over samples and images at once, XLA would reshuffle.
    whole, split_axis = PartitionSpec(), PartitionSpec(DATA_AXIS)
    mapped = jax.jit(
        jax.shard_map(
            local_step,
            mesh=context.mesh,
            in_specs=(whole, split_axis),
            out_specs=whole,
            check_vma=False,
        )
    )

    def step(state: TrainState, batch: Batch, rng: Array) -> Metrics:
        del rng  # the noise must not depend on the batch
        return mapped({"params": state.ema_params["model"], **state.model_state}, batch)

    average = averaged(context, step, split=split, batch_size=batch_size, num_examples=num_examples)

    def evaluate(state: TrainState):
        yield from average(state)
        yield "num_samples", num_samples

    return evaluate


class PosteriorSamples:
    """Samples z_k ~ q(z | x) of a batch, each from noise of its own, and their weights.

    Args:
        model: a flax module returning `VAEOutput` for `(images, noise=...)`.
        variables: of the model.
        batch: `image` [B, H, W, C] and `index` [B].
        rng: key that indices, numbers of samples and groups are folded into.
    """

    def __init__(self, model: Any, variables: Any, batch: Batch, rng: Array):
        self._model, self._variables, self._images = model, variables, batch["image"]
        self._keys = jax.vmap(jax.random.fold_in, (None, 0))(rng, batch["index"])
        output: VAEOutput = jax.eval_shape(
            lambda: model.apply(variables, self._images, train=False, rngs={"latent": rng})
        )
        self._shapes = [latent.z.shape[1:] for latent in output.latents]
        self.num_dims = num_scored(output.likelihood, self._images)

    def log_weights(self, samples: Array) -> Array:
        """log p(x, z_k) - log q(z_k | x), [k, B] in nats, for samples [k] by number."""
        return jax.vmap(self._log_weight)(samples)

    def _log_weight(self, sample: Array) -> Array:
        output = self._model.apply(
            self._variables, self._images, train=False, noise=self._noise(sample)
        )
        return output.log_px + sum(latent.log_p - latent.log_q for latent in output.latents)

    def _noise(self, sample: Array) -> list[Array]:
        keys = jax.vmap(jax.random.fold_in, (0, None))(self._keys, sample)  # [B]
        return [
            jax.vmap(lambda key, g=g, shape=shape: _normal(key, g, shape))(keys)
            for g, shape in enumerate(self._shapes)
        ]


def _normal(key: Array, group: int, shape: tuple[int, ...]) -> Array:
    return draw(jax.random.normal, jax.random.fold_in(key, group), shape)
