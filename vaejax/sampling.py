"""Images that a trained model makes up: samples of the prior, and the ways between them."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from vaejax.data import Source
from vaejax.evaluators import Context
from vaejax.nn.spherical_path import spherical_path
from vaejax.randomness import stream
from vaejax.types import Array

GRID = 8  # samples are as many rows as columns


class Sampler:
    """Draws a square of samples, the same noise every time.

    Args:
        context: of the run.
        source: whose images the samples are like.
        temperature: of the priors, a number or one per latent group, top first.
    """

    def __init__(self, context: Context, source: Source, *, temperature: float | Sequence[float]):
        self._source = source
        self._rng = stream(context.seed, "pictures")
        model = context.model
        num_images = GRID**2

        @jax.jit
        def draw(variables: Any, rng: Array) -> list[Array]:
            return model.apply(variables, num_images, method="draw_noise", rngs={"latent": rng})

        @jax.jit
        def decode(variables: Any, noise: list[Array]) -> Array:
            arguments = {"temperature": temperature, "noise": noise, "method": "sample"}
            return model.apply(variables, num_images, **arguments).mean()

        self._draw, self._decode = draw, decode

    def samples(self, variables: Any, shared_groups: int = 0) -> Array:
        """Means of p(x | z) at draws of the prior, [64, H, W, C] in [0, 1].

        Args:
            variables: of the model.
            shared_groups: so many groups from the top are the same in all images of a row.
        """
        noise = self._draw(variables, self._rng)
        if not 0 <= shared_groups <= len(noise):
            raise ValueError(f"shared_groups: expected 0 to {len(noise)}, got {shared_groups}")
        shared = [_in_rows(draw)[:, :1] for draw in noise[:shared_groups]]
        rows = [jnp.repeat(draw, GRID, axis=1).reshape(-1, *draw.shape[2:]) for draw in shared]
        return self._images(variables, rows + noise[shared_groups:])

    def interpolations(self, variables: Any) -> Array:
        """As `samples`, each row a spherical path between its first and last image."""
        rows = [_in_rows(draw) for draw in self._draw(variables, self._rng)]
        paths = [spherical_path(row[:, 0], row[:, -1], GRID) for row in rows]
        return self._images(variables, [path.reshape(-1, *path.shape[2:]) for path in paths])

    def _images(self, variables: Any, noise: list[Array]) -> Array:
        return self._source.pictures(self._decode(variables, noise))


def _in_rows(draw: Array) -> Array:
    """[64, ...] -> [8, 8, ...]."""
    return draw.reshape(GRID, GRID, *draw.shape[1:])
