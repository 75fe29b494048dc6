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
MANY = 20  # a larger share of all eigenvectors than one in so many is not found one by one
_TOO_FEW = "expected fewer components than {} of the images"


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
    """Mean [P] and directions [P, D] along which images [N, H, W, C] have unit variance.

    The images' singular values and vectors, from the eigenvectors of their products with each other
    [N, N], or of their pixels' [P, P] where these are fewer. In float64 the squares cost no digit
    of float32 images.
    """
    flat = images.reshape(len(images), -1)
    mean = flat.mean(0)
    wide = (flat - mean).astype(np.float64)
    by_pixel = wide.shape[0] > wide.shape[1]
    moments = wide.T @ wide if by_pixel else wide @ wide.T
    total = np.trace(moments)  # at least the largest eigenvalue
    if latent_size > len(moments) or total == 0:
        raise ValueError(f"latent_size: {_TOO_FEW.format(latent_size)}")
    squares, vectors = _largest_eigenvectors(moments, latent_size)
    if squares[-1] <= 1e-12 * squares[0]:
        raise ValueError(f"latent_size: {_TOO_FEW.format(latent_size)}")
    if not by_pixel:  # from combinations of images to pixels
        vectors = wide.T @ vectors / np.sqrt(squares)
    scale = np.sqrt(len(flat) / squares)
    return mean, (vectors * scale).astype(flat.dtype)


def _largest_eigenvectors(matrix: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The largest eigenvalues [D] of a symmetric matrix [N, N], falling, and vectors [N, D].

    A few come from Lanczos iterations, which take a hundredth of the time of all of them.
    """
    from scipy.linalg import eigh  # slow to import
    from scipy.sparse.linalg import eigsh

    size = len(matrix)
    if count <= size // MANY:
        start = np.random.default_rng(0).normal(size=size)  # the same every time
        values, vectors = eigsh(matrix, count, v0=start)
    else:
        values, vectors = eigh(matrix, subset_by_index=[size - count, size - 1])
    return values[::-1], vectors[:, ::-1]
