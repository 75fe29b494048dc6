"""What finished runs of one model have to say: losses per epoch, codes, decoded images."""

import math
from contextlib import closing
from pathlib import Path
from statistics import NormalDist

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np

from vaejax.checkpoint import Checkpoints
from vaejax.evaluators.disentanglement import Table, Tables
from vaejax.run import build, restored_state
from vaejax.train_state import TrainState
from vaejax.types import Array

BATCH_SIZE = 200  # images encoded at once


class Runs:
    """Reads runs that share a model and data; what it compiles serves them all.

    Args:
        config: of one of them.
    """

    def __init__(self, config: ml_collections.ConfigDict):
        self.run = build(config)
        context = self.run.context
        sources = list(context.splits.values())
        no_factors = np.zeros((sum(map(len, sources)), 0), np.int32)
        self._tables = Tables(context, sources, no_factors, BATCH_SIZE)

        @jax.jit
        def decode(state: TrainState, z: Array) -> Array:
            variables = {"params": state.ema_params["model"], **state.model_state}
            return context.model.apply(variables, (z,), method="decode").mean()

        self._decode = decode

    @property
    def num_dims(self) -> int:
        """H * W * C, by which a reconstruction error per dimension becomes one per image."""
        return math.prod(self.run.source.image_shape)

    def state(self, workdir: Path) -> TrainState:
        """The final state of a run."""
        with closing(Checkpoints(workdir / "checkpoints")) as checkpoints:
            return restored_state(self.run, checkpoints)

    def codes(self, state: TrainState) -> Table:
        """The posteriors of the images of all splits."""
        return self._tables.of_model(state)

    def decode(self, state: TrainState, z: np.ndarray) -> np.ndarray:
        """Means of p(x | z) at codes [B, D], as pictures [B, H, W, C] in [0, 1]."""
        return np.asarray(self.run.source.pictures(self._decode(state, jnp.asarray(z))))

    def images(self) -> np.ndarray:
        """The training images, [N, H, W, C] in [0, 1]."""
        return np.asarray(self.run.source.images(np.arange(len(self.run.source))))


def mean_image_error(images: np.ndarray) -> float:
    """Cross-entropy of images [N, H, W, C] in [0, 1] under their own mean, nats per image.

    What a decoder that ignores its code can do at best.
    """
    mean = np.clip(images.mean(0, dtype=np.float64), 1e-12, 1 - 1e-12)
    return float(-(mean * np.log(mean) + (1 - mean) * np.log1p(-mean)).sum())


def plane(axes: tuple[int, int], latent_size: int, steps: int = 6) -> np.ndarray:
    """Codes [steps^2, D] on a plane of two latents, at even quantiles of the prior, others 0.

    Args:
        axes: the latent that grows from left to right, and the one that grows from bottom to top.
        latent_size: D.
        steps: values of each, the quantiles 0.05 to 0.95.
    """
    values = np.array([NormalDist().inv_cdf(p) for p in np.linspace(0.05, 0.95, steps)])
    codes = np.zeros((steps, steps, latent_size), np.float32)
    codes[:, :, axes[0]] = values[None, :]
    codes[:, :, axes[1]] = values[::-1, None]
    return codes.reshape(-1, latent_size)


def most_informative(kl: np.ndarray) -> tuple[int, int]:
    """The two latents with the highest KL, in their own order; KL [D] in nats."""
    first, second = sorted(np.argsort(-kl, kind="stable")[:2])
    return int(first), int(second)
