"""Noise for reparameterised samples that does not depend on how a batch is laid out.

Row i is drawn from a key folded with the place of example i in the global batch, so the same run
gives the same numbers on one device, on eight, under `jit` and under `pmap`.
"""

import jax
import jax.numpy as jnp

from vaejax.parallel import example_positions
from vaejax.types import Array


def example_normal(rng: Array, shape: tuple[int, ...], dtype: jnp.dtype = jnp.float32) -> Array:
    """Standard normal noise of `shape` [B, ...], one independent stream per example."""
    keys = jax.vmap(jax.random.fold_in, (None, 0))(rng, example_positions(shape[0]))
    return jax.vmap(lambda key: jax.random.normal(key, shape[1:], dtype))(keys)


def spherical_path(first: Array, second: Array, num_steps: int) -> Array:
    """Points [B, T, ...] from `first` to `second` [B, ...] at equal angles, both ends included.

    sin((1 - t) a) / sin(a) first + sin(t a) / sin(a) second for an angle a between them; a straight
    line where they (nearly) lie on one.

    Reference: Shoemake, Animating rotation with quaternion curves, 1985 (slerp).
    """
    shape = first.shape
    first, second = (noise.reshape(shape[0], 1, -1) for noise in (first, second))  # [B, 1, D]
    t = jnp.linspace(0.0, 1.0, num_steps, dtype=first.dtype).reshape(1, -1, 1)
    norms = jnp.sqrt((first**2).sum(-1) * (second**2).sum(-1))
    cosine = (first * second).sum(-1) / jnp.maximum(norms, jnp.finfo(first.dtype).tiny)
    angle = jnp.arccos(jnp.clip(cosine, -1.0, 1.0))[..., None]  # [B, 1, 1]
    sine = jnp.sin(angle)
    flat = sine < 1e-3
    sine = jnp.where(flat, 1.0, sine)
    weights = [
        jnp.where(flat, share, jnp.sin(share * angle) / sine) for share in (1.0 - t, t)
    ]  # [B, T, 1]
    return (weights[0] * first + weights[1] * second).reshape(shape[0], num_steps, *shape[1:])
