"""Planes of two latents, the codes of the 6 x 6 images."""

from statistics import NormalDist

import numpy as np


def plane(axes: tuple[int, int], latent_size: int, steps: int = 6) -> np.ndarray:
    """Codes [steps^2, D] on a plane of two latents, at even quantiles of the prior, others 0.

    Args:
        axes: the latent that grows from left to right, and the one that grows from bottom to top.
        latent_size: D.
        steps: values of each, the quantiles 0.05 to 0.95.
    """
    values = np.array([NormalDist().inv_cdf(p) for p in np.linspace(0.05, 0.95, steps)])
    codes = np.zeros((steps, steps, latent_size), np.float32)
    codes[:, :, axes[0]] = values[None, :]
    codes[:, :, axes[1]] = values[::-1, None]
    return codes.reshape(-1, latent_size)


def most_informative(kl: np.ndarray) -> tuple[int, int]:
    """The two latents with the highest KL, in their own order; KL [D] in nats."""
    first, second = sorted(np.argsort(-kl, kind="stable")[:2])
    return int(first), int(second)
