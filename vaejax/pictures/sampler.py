"""Images that a trained model makes up: samples, and the ways between them."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from vaejax.core.checks import check_counts
from vaejax.core.randomness import stream
from vaejax.data import Source
from vaejax.evaluators import Context
from vaejax.objectives.views import need
from vaejax.types import Array, ModelState, Params, Temperature

GRID = 8  # samples in a row, and rows of a square of them


@functools.lru_cache(maxsize=64)
def compiled(view: Callable[..., Any]) -> Callable[..., Any]:
    """A view, compiled once for all runs that share it."""
    has_draw = "draw" in inspect.signature(view).parameters
    return jax.jit(view, static_argnames="draw" if has_draw else ())


class Sampler:
    """Draws rows of samples, of the same noise every time.

    One row is the most that is made at once: large models have no room for more.

    Args:
        context: of the run; its objective has the views `noise` and `from_noise`.
        source: whose images the samples are like.
        temperature: see `Views.from_noise`.
        columns: samples in a row.
    """

    def __init__(
        self,
        context: Context,
        source: Source,
        *,
        temperature: Temperature = 1.0,
        columns: int = GRID,
    ):
        check_counts(columns=(columns, 1))
        self._views, self._source = context.objective.views, source
        self._rng = stream(context.seed, "pictures")
        self._noise = compiled(need(self._views, "noise", "samples"))
        self._from_noise = compiled(need(self._views, "from_noise", "samples"))
        self._temperature, self._columns = temperature, columns

    def samples(
        self,
        params: Params,
        model_state: ModelState,
        num_images: int = GRID**2,
        *,
        shared_groups: int = 0,
        draw: bool = False,
    ) -> Array:
        """Images [num_images, H, W, C] in [0, 1].

        Args:
            params: of all players.
            model_state: as it is.
            num_images: how many.
            shared_groups: so many entries of the noise, latent groups from the top first, are the
                same in all images of a row.
            draw: whether pixels are drawn from p(x | z), whose means are taken else.
        """
        check_counts(num_images=(num_images, 1))
        noise = self._rows(-(-num_images // self._columns))
        if not 0 <= shared_groups <= len(noise):
            raise ValueError(f"shared_groups: expected 0 to {len(noise)}, got {shared_groups}")
        shared = tuple(jnp.broadcast_to(x[:, :1], x.shape) for x in noise[:shared_groups])
        rows = self._images(params, model_state, shared + noise[shared_groups:], draw)
        return rows[:num_images]

    def interpolations(
        self, params: Params, model_state: ModelState, num_rows: int = GRID
    ) -> Array:
        """As `samples`, each row a path between its first and last image."""
        path, noise = need(self._views, "path", "interpolations"), self._rows(num_rows)
        ends = (tuple(entry[:, column] for entry in noise) for column in (0, -1))
        return self._images(params, model_state, path(*ends, self._columns), draw=False)

    def _rows(self, num_rows: int) -> tuple[Array, ...]:
        """Noise of rows of images, arrays [rows, columns, ...]."""
        shape = (num_rows, self._columns)
        keys = jax.random.split(self._rng, num_rows * self._columns)
        return tuple(entry.reshape(*shape, *entry.shape[1:]) for entry in self._noise(keys))

    def _images(
        self, params: Params, model_state: ModelState, noise: tuple[Array, ...], draw: bool
    ) -> Array:
        """Images [rows * columns, H, W, C] of noise [rows, columns, ...]."""
        rows = [
            self._from_noise(
                params,
                model_state,
                tuple(entry[row] for entry in noise),
                self._temperature,
                draw=draw,
            )
            for row in range(len(noise[0]))
        ]
        return self._source.pictures(jnp.concatenate(rows))
