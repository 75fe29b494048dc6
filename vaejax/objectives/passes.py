"""Passes of a model in a step: their noise, and the state that they leave behind.

The noise of an example is a function of the key of the step, the example's position in the global
batch and the number of the sample; in evaluations of its index in the data set, where it has one.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from vaejax.core.checks import check_counts
from vaejax.core.mesh import with_positions
from vaejax.core.randomness import named
from vaejax.distributions import over_samples
from vaejax.nn.noise import example_keys
from vaejax.objectives.views import PLAYER, noise_of
from vaejax.types import Array, Batch, Codes, ModelState, Noise, Params, VAEOutput


def initialised(model: Any, rng: Array, batch: Batch) -> tuple[Params, ModelState]:
    """Parameters of the player `model` and its state, from a pass over a batch."""
    _check_images(batch["image"])
    batch = with_positions(batch)
    params_rng, noise_rng = jax.random.split(rng)
    keys = example_keys(noise_rng, batch["position"])
    rngs = {"params": params_rng, "dropout": named(noise_rng, "dropout")}
    variables = dict(model.init(rngs, batch, noise=noise_of(model, keys), train=False))
    return {PLAYER: variables.pop("params")}, variables


class Pass(NamedTuple):
    """A model in one step, waiting for parameters and for noise or codes.

    Attributes:
        model: a flax module returning `VAEOutput`.
        model_state: before the step.
        batch: with positions.
        rng: key of the step.
        train: whether to train.
    """

    model: Any
    model_state: ModelState
    batch: Batch
    rng: Array
    train: bool

    def __call__(
        self, params: Any, *, noise: Noise | None = None, codes: Codes | None = None
    ) -> tuple[VAEOutput, ModelState]:
        """What the model returns, and its state after the pass; samples share what drops out."""
        given = {"noise": noise} if codes is None else {"codes": codes}
        output, state = self.model.apply(
            {"params": params, **self.model_state},
            self.batch,
            **given,
            train=self.train,
            rngs={"dropout": shared_key(self.rng, "dropout", self.batch)},
            mutable=list(self.model_state) if self.train else [],
        )
        return output, state if self.train else self.model_state

    def noise(self) -> Noise:
        """The noise of a single sample: that of the batch, [B, ...], or else drawn."""
        return self.batch["noise"] if "noise" in self.batch else self._drawn(jnp.int32(0), 1)

    def noise_of(self, sample: Array, num_samples: int) -> Noise:
        """The noise of one of several samples: of the batch's, [B, K, ...], or else drawn.

        Args:
            sample: its number, of those below K; above, the noise is of no use, but finite.
            num_samples: K.
        """
        if "noise" not in self.batch:
            return self._drawn(sample, num_samples)

        def taken(x: Array) -> Array:
            if x.ndim < 2 or x.shape[1] != num_samples:
                raise ValueError(
                    f"noise: expected {num_samples} samples [B, K, ...], got {list(x.shape)}"
                )
            return jnp.take(x, sample, axis=1, mode="clip")

        return jax.tree.map(taken, self.batch["noise"])

    def _drawn(self, sample: Array, num_samples: int) -> Noise:
        rng = named(self.rng, "noise")
        if num_samples > 1:  # the first sample is the one of a step with a single sample
            others = jax.random.fold_in(named(self.rng, "samples"), sample)
            rng = jnp.where(sample == 0, rng, others)
        place = "index" if "index" in self.batch and not self.train else "position"
        return noise_of(self.model, example_keys(rng, self.batch[place]))


Estimate = Callable[[Pass, Any], tuple[VAEOutput, ModelState]]
"""From a pass and the parameters of the model to an output and the state after it."""


def one_draw(passing: Pass, params: Any) -> tuple[VAEOutput, ModelState]:
    """The output for a single draw of the codes."""
    return passing(params, noise=passing.noise())


def check_samples(num_samples: int, chunk_size: int | None) -> None:
    """Raise ValueError unless there are some samples, and some of them at once."""
    check_counts(num_samples=(num_samples, 1))
    if chunk_size is not None:
        check_counts(chunk_size=(chunk_size, 1))


def many_draws(
    passing: Pass,
    params: Any,
    num_samples: int,
    chunk_size: int | None,
    logs_of: Callable[[VAEOutput], Any] = lambda output: (),
) -> tuple[Any, VAEOutput, ModelState]:
    """Averages over K draws of the codes of every image.

    What does not depend on the draw is computed once (once per chunk).

    Args:
        passing: of a step.
        params: of the model.
        num_samples: K.
        chunk_size: draws held at once, at most; None holds all.
        logs_of: logarithms [B] of an output, whose log-mean-exp over the draws is wanted.

    Returns:
        The log-mean-exps; the mean output, `z` included, without posteriors; the state after it,
        which has moved once, by the average over the draws.
    """

    def of_sample(sample: Array):
        output, state = passing(params, noise=passing.noise_of(sample, num_samples))
        latents = tuple(latent._replace(posterior=None) for latent in output.latents)
        moved = state if passing.train else {}
        return logs_of(output), (output._replace(latents=latents), moved)

    logs, (output, moved) = over_samples(jax.vmap(of_sample), num_samples, chunk_size)
    if not passing.train:
        return logs, output, passing.model_state
    # Counters, which all draws move alike, stay whole numbers.
    old = {name: passing.model_state[name] for name in moved}
    return logs, output, jax.tree.map(lambda mean, before: mean.astype(before.dtype), moved, old)


def shared_key(rng: Array, name: str, batch: Batch) -> Array:
    """A key for what the examples seen at once draw together (a shuffle), one per shard and part.

    Args:
        rng: key of the step.
        name: of what is drawn.
        batch: whose first position tells shards and microbatches apart.
    """
    return jax.random.fold_in(named(rng, name), batch["position"][0])


def _check_images(images: Array) -> None:
    if images.ndim != 4 or not jnp.issubdtype(images.dtype, jnp.floating):
        raise ValueError(
            f"image: expected floats [B, H, W, C], got {images.dtype} {list(images.shape)}"
        )
