"""Codes to compare a model's with: the rows of the table of Higgins et al., beta-VAE, 2017.

References:
    Hyvärinen, "Fast and Robust Fixed-Point Algorithms for ICA", 1999 (FastICA, tanh, symmetric).
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from vaejax.types import Array

Represent = Callable[[Array], Array]
"""Images [B, H, W, C] to codes [B, D]."""

PIXELS_ACROSS = 16
ICA_STEPS = 200


def pixels(image_shape: tuple[int, int, int]) -> Represent:
    """The pixels themselves, averaged down to at most 16 x 16 so that classifiers can be fitted."""
    height, width, _ = image_shape
    step = (max(1, height // PIXELS_ACROSS), max(1, width // PIXELS_ACROSS))

    def represent(images: Array) -> Array:
        rows, columns = height // step[0], width // step[1]
        cut = images[:, : rows * step[0], : columns * step[1]]
        blocks = cut.reshape(len(images), rows, step[0], columns, step[1], -1)
        return blocks.mean((2, 4)).reshape(len(images), -1)

    return represent


def pca(images: np.ndarray, latent_size: int) -> Represent:
    """The first principal components of images [N, H, W, C], each of unit variance."""
    mean, directions = _whitening(images, latent_size)
    return lambda x: (x.reshape(len(x), -1) - mean[None]) @ directions


def ica(images: np.ndarray, latent_size: int, rng: Array) -> Represent:
    """Independent components of images [N, H, W, C] within their principal components."""
    mean, directions = _whitening(images, latent_size)
    white = (images.reshape(len(images), -1) - mean) @ directions  # [N, D]

    def orthogonal(matrix: np.ndarray) -> np.ndarray:  # (W W')^-1/2 W
        left, _, right = np.linalg.svd(matrix)
        return left @ right

    unmix = orthogonal(np.asarray(jax.random.normal(rng, (white.shape[1],) * 2)))
    for _ in range(ICA_STEPS):
        gain = np.tanh(white @ unmix.T)
        unmix = orthogonal(gain.T @ white / len(white) - np.diag((1 - gain**2).mean(0)) @ unmix)
    turned = jnp.asarray(directions @ unmix.T)
    return lambda x: (x.reshape(len(x), -1) - mean[None]) @ turned


def _whitening(images: np.ndarray, latent_size: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean [P] and directions [P, D] along which images [N, H, W, C] have unit variance."""
    flat = images.reshape(len(images), -1)
    mean = flat.mean(0)
    _, spread, directions = np.linalg.svd(flat - mean, full_matrices=False)
    if latent_size > (spread > 1e-6 * spread[0]).sum():
        raise ValueError(f"latent_size: expected fewer components than {latent_size} of the images")
    scale = np.sqrt(len(flat)) / spread[:latent_size]
    return mean, (directions[:latent_size] * scale[:, None]).T
