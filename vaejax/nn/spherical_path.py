"""The way from one draw of N(0, I) to another that stays where draws are.

Reference: Shoemake, Animating rotation with quaternion curves, 1985 (slerp).
"""

import jax.numpy as jnp

from vaejax.types import Array


def spherical_path(first: Array, second: Array, num_steps: int) -> Array:
    """Points [B, T, ...] from `first` to `second` [B, ...] at equal angles, both ends included.

    sin((1 - t) a) / sin(a) first + sin(t a) / sin(a) second for an angle a between them; a straight
    line where they (nearly) lie on one.
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
