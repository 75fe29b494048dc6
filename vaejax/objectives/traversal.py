"""What becomes of images when their codes are changed: latent by latent, or along directions.

A picture of it has a row for each latent or direction and a column for each amount. Those of one
image have the same key, so that what is drawn besides the codes is the same in all of them.
"""

import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from vaejax.objectives.views import need
from vaejax.types import AnyArray, Array, Codes, ModelState, Params, Views


def traverse(
    views: Views,
    params: Params,
    model_state: ModelState,
    codes: Codes,
    values: AnyArray,
    keys: Array,
    *,
    group: int = 0,
) -> Array:
    """Images [D, n, T, H, W, C] of codes of which each latent of a group takes every value.

    Args:
        views: with `decode`.
        params: of all players.
        model_state: as it is.
        codes: one array [n, ...] per group, or None for a group that is drawn.
        values: [T], or [D, T] where each latent has its own.
        keys: [n], for what is drawn.
        group: that is traversed; its codes are vectors [n, D].

    Raises:
        ValueError: there is no such group of vectors, or values of another number of latents.
    """
    chosen = codes[group] if 0 <= group < len(codes) else None
    if chosen is None or chosen.ndim != 2:
        raise ValueError(f"group: expected one of vectors [D], got {group} of {_shapes(codes)}")
    one_latent = jnp.eye(chosen.shape[1], dtype=bool)[:, None, :]  # [D, 1, D]
    column = jnp.atleast_2d(jnp.asarray(values, chosen.dtype))[:, :, None]  # [1 or D, T, 1]
    if column.shape[0] not in (1, chosen.shape[1]):
        raise ValueError(
            f"values: expected [T] or [{chosen.shape[1]}, T], got {list(column.shape[:2])}"
        )
    shape = (chosen.shape[1], column.shape[1])
    images = []
    for place, key in enumerate(keys):
        grids = [_held(code, place, shape) for code in codes]
        # [D, T, D]: row d, column t is the code with latent d at values[t]
        grids[group] = jnp.where(one_latent, column, chosen[place][None, None, :])
        images.append(_decoded(views, params, model_state, grids, key, shape))
    return jnp.stack(images, axis=1)


def move(
    views: Views,
    params: Params,
    model_state: ModelState,
    codes: Codes,
    directions: Sequence[AnyArray | None],
    amounts: AnyArray,
    keys: Array,
) -> Array:
    """Images [A, n, T, H, W, C] of codes to which multiples of each of A directions are added.

    Args:
        views: with `decode`.
        params: of all players.
        model_state: as it is.
        codes: one array [n, ...] per group, or None for a group that is drawn.
        directions: one array [A, ...] per group; None for a group that stays as it is.
        amounts: [T], the multiples.
        keys: [n], for what is drawn.

    Raises:
        ValueError: the directions are not those of such codes.
    """
    moved = [
        group
        for group, direction in enumerate(directions[: len(codes)])
        if direction is not None and codes[group] is not None
    ]
    fits = [_shapes(codes)[group] == _shapes(directions)[group] for group in moved]
    if len(codes) != len(directions) or not moved or not all(fits):
        raise ValueError(
            f"directions: expected those of {_shapes(codes)}, got {_shapes(directions)}"
        )
    amounts = jnp.asarray(amounts, jnp.float32)
    shape = (len(jnp.asarray(directions[moved[0]])), len(amounts))
    images = []
    for place, key in enumerate(keys):
        grids = [_held(code, place, shape) for code in codes]
        for group in moved:
            steps = jnp.tensordot(amounts, jnp.asarray(directions[group]), axes=0)  # [T, A, ...]
            grids[group] += jnp.swapaxes(steps, 0, 1)
        images.append(_decoded(views, params, model_state, grids, key, shape))
    return jnp.stack(images, axis=1)


def _held(code: Array | None, place: int, shape: tuple[int, int]) -> Any:
    """The code of one image, the same in a whole grid [R, T, ...]."""
    return None if code is None else jnp.broadcast_to(code[place], (*shape, *code.shape[1:]))


def _decoded(
    views: Views,
    params: Params,
    model_state: ModelState,
    grids: Sequence[Array | None],
    key: Array,
    shape: tuple[int, int],
) -> Array:
    """Images [R, T, H, W, C] of grids of codes [R, T, ...], all with one key."""
    count = math.prod(shape)
    codes = tuple(None if grid is None else grid.reshape(count, *grid.shape[2:]) for grid in grids)
    keys = jnp.broadcast_to(key, (count,))
    images = need(views, "decode", "traversals")(params, model_state, codes, keys)
    return images.reshape(*shape, *images.shape[1:])


def _shapes(codes: Sequence[AnyArray | None]) -> list[tuple[int, ...] | None]:
    return [None if code is None else code.shape[1:] for code in codes]
