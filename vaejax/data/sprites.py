"""Draws the sprites of dSprites: squares, ellipses and hearts at any size, angle and place.

The outlines are fitted to 320 frames of the genuine set (Matthey et al., 2017, see `dsprites`): 316
agree in every pixel, the others in all but two.
"""

import jax
import jax.numpy as jnp
import numpy as np

from vaejax.types import Array

FACTOR_NAMES = ("shape", "scale", "orientation", "x", "y")
FACTOR_SIZES = (3, 6, 40, 32, 32)
IMAGE_SIZE = 64

# A sprite at scale 1 is the set of points (u, v), in pixels from its centre and v down, with
#     |u| < w  and  |v + a0 + a2 c^2 + a4 c^4| < a1 c + a3 c^3,  where c = sqrt(1 - (|u| / w)^p).
# Square and ellipse are Lame curves. The heart is (w sin^3 t, polynomial of cos t), so c = |cos t|:
# the even powers are the middle between its two edges above a given u, the odd ones half the gap.
#    w,        p,       a0,    a1,      a2,     a3,     a4
_SPRITES = np.array(
    [
        [9.5994, np.inf, 0.0, 9.5994, 0.0, 0.0, 0.0],  # square
        [12.7657, 2.0, 0.0, 7.2133, 0.0, 0.0, 0.0],  # ellipse
        [9.594, 2.0 / 3.0, 4.085, 12.583, -1.315, -5.3, -5.318],  # heart
    ],
    np.float32,
)
_SCALES = np.linspace(0.5, 1.0, FACTOR_SIZES[1], dtype=np.float32)
# The full turn is the first orientation again, in the genuine files too.
_ANGLES = 2.0 * np.pi / 39.0 * (np.arange(FACTOR_SIZES[2]) % 39)
_ROTATIONS = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1).astype(np.float32)
_CENTRES = np.linspace(16.0, 48.0, FACTOR_SIZES[3], dtype=np.float32)


@jax.jit
def render(factors: Array) -> Array:
    """Draws sprites; a pixel is 1 if its centre lies inside the sprite, else 0.

    Args:
        factors: class indices of (shape, scale, orientation, x, y), [B, 5] int32.

    Returns:
        Images [B, 64, 64, 1] float32.
    """
    shape, scale, orientation, x, y = (factor[:, None, None] for factor in factors.T)  # [B, 1, 1]
    pixels = jnp.arange(IMAGE_SIZE, dtype=jnp.float32) + 0.5
    dx = (pixels[None, None, :] - jnp.asarray(_CENTRES)[x]) / jnp.asarray(_SCALES)[scale]
    dy = (pixels[None, :, None] - jnp.asarray(_CENTRES)[y]) / jnp.asarray(_SCALES)[scale]
    cos, sin = jnp.moveaxis(jnp.asarray(_ROTATIONS)[orientation], -1, 0)
    u = cos * dx - sin * dy  # [B, H, W]
    v = sin * dx + cos * dy
    w, p, a0, a1, a2, a3, a4 = jnp.moveaxis(jnp.asarray(_SPRITES)[shape], -1, 0)
    # exp(p log) costs a fifth of a power or a cube root on CPU.
    c2 = jnp.maximum(1.0 - jnp.exp(p * jnp.log(jnp.abs(u) / w)), 0.0)
    inside = jnp.abs(v + a0 + c2 * (a2 + c2 * a4)) < jnp.sqrt(c2) * (a1 + c2 * a3)
    return inside.astype(jnp.float32)[..., None]
