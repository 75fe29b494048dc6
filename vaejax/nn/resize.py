"""Images of twice the height and width."""

import jax.numpy as jnp

from vaejax.types import Array


def nearest_double(x: Array) -> Array:
    """[B, H, W, C] -> [B, 2H, 2W, C], every pixel four times."""
    batch, height, width, channels = x.shape
    blocks = jnp.broadcast_to(x[:, :, None, :, None], (batch, height, 2, width, 2, channels))
    return blocks.reshape(batch, 2 * height, 2 * width, channels)


def bilinear_double(x: Array) -> Array:
    """[B, H, W, C] -> [B, 2H, 2W, C] by linear interpolation between aligned corners.

    Output i lies at i (n - 1) / (2n - 1): output 2j a share j / (2n - 1) before pixel j, output
    2j + 1 a share (n - 1 - j) / (2n - 1) after it. The shares are zero where there is no pixel
    beyond, so shifted images do.
    """
    return _double_rows(_double_rows(x).swapaxes(1, 2)).swapaxes(1, 2)


def _double_rows(x: Array) -> Array:
    batch, n, width, channels = x.shape
    before = (jnp.arange(n, dtype=x.dtype) / (2 * n - 1)).reshape(1, n, 1, 1)
    after = before[:, ::-1]
    even = x + before * (jnp.roll(x, 1, axis=1) - x)
    odd = x + after * (jnp.roll(x, -1, axis=1) - x)
    return jnp.stack([even, odd], axis=2).reshape(batch, 2 * n, width, channels)
