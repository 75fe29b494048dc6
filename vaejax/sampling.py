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
    """Draws a square of samples, the same noise every time, and decodes them row by row.

    One row of eight is the most that is decoded at once: large models have no room for more.

    Args:
        context: of the run.
        source: whose images the samples are like.
        temperature: of the priors, a number or one per latent group, top first.
    """

    def __init__(self, context: Context, source: Source, *, temperature: float | Sequence[float]):
        self._source = source
        self._rng = stream(context.seed, "pictures")
        model = context.model

        @jax.jit
        def draw(variables: Any, rng: Array) -> list[Array]:
            noise = model.apply(variables, GRID**2, method="draw_noise", rngs={"latent": rng})
            return [x.reshape(GRID, GRID, *x.shape[1:]) for x in noise]

        @jax.jit
        def decode_row(variables: Any, noise: list[Array], row: Array) -> Array:
            arguments = {"temperature": temperature, "noise": [x[row] for x in noise]}
            return model.apply(variables, GRID, method="sample", **arguments).mean()

        self._draw, self._decode_row = draw, decode_row

    def samples(self, variables: Any, shared_groups: int = 0) -> Array:
        """Means of p(x | z) at draws of the prior, [64, H, W, C] in [0, 1].

        Args:
            variables: of the model.
            shared_groups: so many groups from the top are the same in all images of a row.
        """
        noise = self._draw(variables, self._rng)
        if not 0 <= shared_groups <= len(noise):
            raise ValueError(f"shared_groups: expected 0 to {len(noise)}, got {shared_groups}")
        shared = [jnp.repeat(draw[:, :1], GRID, axis=1) for draw in noise[:shared_groups]]
        return self._images(variables, shared + noise[shared_groups:])

    def interpolations(self, variables: Any) -> Array:
        """As `samples`, each row a spherical path between its first and last image."""
        noise = self._draw(variables, self._rng)
        paths = [spherical_path(draw[:, 0], draw[:, -1], GRID) for draw in noise]
        return self._images(variables, paths)

    def _images(self, variables: Any, noise: list[Array]) -> Array:
        """Images [64, H, W, C] of noise [8, 8, *shape], one array per group."""
        rows = [self._decode_row(variables, noise, jnp.asarray(row)) for row in range(GRID)]
        return self._source.pictures(jnp.concatenate(rows))
