"""From the view `encode` to codes that are scored: one vector per image, and how sure it is."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from vaejax.objectives.bound import gaussian_latent, vector_latent
from vaejax.objectives.views import need
from vaejax.types import Array, Batch, Init, Latent, ModelState, Objective, Params

CPU_BATCH = 16  # images whose activations stay in the processor's cache

Encode = Callable[[Params, ModelState, Batch], tuple[Array, Array | None]]
"""Codes [B, D] of a batch and their log-variances [B, D], None where they have none."""


def abstract_latents(objective: Objective, batch: Batch, who: str) -> tuple[Latent, ...]:
    """The shapes of the latents of a batch, found without computing anything.

    Args:
        objective: with the view `encode`.
        batch: as shapes.
        who: needs them, for the message.

    Raises:
        ValueError: there is no such view.
    """
    view = need(objective.views, "encode", who)
    shapes, structure = jax.tree.flatten(batch)
    init: Any = objective.init  # hashable, which `Init` cannot say
    return _shapes_of(init, view, tuple(shapes), structure)


def checked_size(objective: Objective, batch: Batch, who: str, gaussian: Sequence[str] = ()) -> int:
    """D, found without computing anything, once the model has codes of the kind that is needed.

    Args:
        objective: with the view `encode`.
        batch: as shapes.
        who: needs one group of vectors [B, D], for the message.
        gaussian: those who need a Gaussian posterior too.

    Raises:
        ValueError: the model has other codes.
    """
    latents = abstract_latents(objective, batch, who)
    for each in gaussian:
        gaussian_latent(latents, each)
    return vector_latent(latents, who).z.shape[1]


@functools.lru_cache(maxsize=8)  # the members of a sweep share it
def _shapes_of(init: Init, view: Callable[..., Any], shapes, structure) -> tuple[Latent, ...]:
    def latents(rng: Array, batch: Batch) -> tuple[Latent, ...]:
        return view(*init(rng, batch), batch)

    batch = jax.tree.unflatten(structure, shapes)
    return jax.eval_shape(latents, jax.random.key(0), batch)


@functools.lru_cache(maxsize=8)
def encoder(view: Callable[..., Any]) -> Encode:
    """What a view `encode` says of a batch, compiled once for all runs that share it."""

    @jax.jit
    def encode(params: Params, model_state: ModelState, batch: Batch):
        (latent,) = view(params, model_state, batch)
        if latent.posterior is None:
            return latent.z, None
        return latent.posterior.loc, 2.0 * jnp.log(latent.posterior.scale)

    return encode


@functools.lru_cache(maxsize=8)
def encoder_by_parts(view: Callable[..., Any]) -> Encode:
    """As `encoder`, of a multiple of `CPU_BATCH` images, so many at a time."""
    encode = encoder(view)

    @jax.jit
    def encode_by_parts(params: Params, model_state: ModelState, batch: Batch):
        parts = jax.tree.map(lambda x: x.reshape(-1, CPU_BATCH, *x.shape[1:]), dict(batch))
        codes = jax.lax.map(lambda part: encode(params, model_state, part), parts)
        return jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), codes)

    return encode_by_parts
