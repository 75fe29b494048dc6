"""Log-probabilities are in nats, per example: their reduction over events and their other unit."""

import math

import jax

from vaejax.types import Array, Distribution


def sum_events(x: Array) -> Array:
    """[B, ...] -> [B]: the sum over everything but the batch axis."""
    return x.sum(axis=tuple(range(1, x.ndim)))


def num_scored(likelihood: Distribution, images: Array) -> int:
    """Pixels times channels of an image that `likelihood` scores: H * W * C, less a border.

    Args:
        likelihood: p(x | z), whose `log_prob` is [B, h, w, ...] for the h * w pixels it scores.
        images: [B, H, W, C]; only the shape matters.
    """
    scored = jax.eval_shape(lambda p, x: p.log_prob(x), likelihood, images).shape[1:3]
    return math.prod(scored) * images.shape[-1]


def bits_per_dim(nats: Array | float, num_dims: int) -> Array | float:
    """Nats per image to bits per dimension: nats / (num_dims ln 2); the only converter.

    For a density (a Gaussian decoder) these are bits of density per dimension, which may be
    negative and compare only between models of the same data at the same scale.
    """
    return nats / (num_dims * math.log(2.0))
