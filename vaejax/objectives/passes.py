"""Passes of a model in a step: their noise, and the state that they leave behind.

The noise of an example is a function of the key of the step, the example's position in the global
batch and the number of the sample; in evaluations of its index in the data set, where it has one.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from vaejax.core.mesh import with_positions
from vaejax.core.randomness import named
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

    def noise(self, sample: Array | int = 0, num_samples: int = 1) -> Noise:
        """The noise of one of several samples: that of the batch, or else drawn.

        Args:
            sample: its number; of a number beyond the last, noise that is of no use, but finite.
            num_samples: K. Noise of the batch is [B, K, ...] of several, of a single one [B, ...].
        """
        if "noise" not in self.batch:
            return self._drawn(jnp.asarray(sample), num_samples)
        if num_samples == 1:
            return self.batch["noise"]

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
