"""From a decoder's raw outputs to p(x | z): what a model needs to know of its output distribution.

A likelihood says how many numbers per pixel the decoder must produce for images of C channels and
turns them into a `Distribution`. The model stays the same for all of them.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from vaejax.core.checks import check_number
from vaejax.distributions.bernoulli import Bernoulli
from vaejax.distributions.logistic_mixture import LogisticMixture
from vaejax.distributions.normal import Normal, soft_clamp
from vaejax.distributions.symmetric import Symmetric
from vaejax.types import Array, Distribution


@dataclasses.dataclass(frozen=True)
class Likelihood:
    """How raw decoder outputs become a distribution over images.

    Two are equal if their settings are. Models that differ in nothing else are then equal too, and
    what is compiled for one serves the other.

    Attributes:
        settings: a name and the arguments that the functions depend on.
        num_outputs: `C -> ` outputs per pixel.
        distribution: `([B, H, W, num_outputs(C)], C) -> Distribution` over [B, H, W, C].
        any_range: whether images may leave [0, 1]; elsewhere a Bernoulli has no bound at all.
        bits: images take 2^bits values, which have masses; None where that does not matter.
        border: pixels of padding on every side, which are not scored.
        outputs_of: raw outputs of which given `means` in (0, 1) are the means; None where a pixel
            and channel has more than one output.
    """

    settings: tuple[Any, ...]
    num_outputs: Callable[[int], int] = dataclasses.field(compare=False)
    distribution: Callable[[Array, int], Distribution] = dataclasses.field(compare=False)
    any_range: bool = False
    bits: int | None = None
    border: int = 0
    outputs_of: Callable[[Array], Array] | None = dataclasses.field(default=None, compare=False)

    def num_dims(self, image_shape: tuple[int, int, int]) -> int:
        """Pixels times channels that are scored of images (H, W, C)."""
        height, width, channels = image_shape
        return (height - 2 * self.border) * (width - 2 * self.border) * channels


def bernoulli(border: int = 0) -> Likelihood:
    """Bernoulli pixels: binary images, or the usual cross-entropy on grey ones in [0, 1].

    Args:
        border: pixels of padding on every side of the images, which are not scored.
    """
    if border < 0:
        raise ValueError(f"border: expected a number >= 0, got {border}")
    return Likelihood(
        ("bernoulli", border),
        num_outputs=lambda channels: channels,
        distribution=lambda outputs, channels: Bernoulli(outputs, border),
        border=border,
        outputs_of=jax.scipy.special.logit,
    )


def gaussian(scale: float | None = 1.0, symmetric: bool = False) -> Likelihood:
    """Gaussian pixels, log p = -(x - mean)^2 / (2 scale^2) - log scale - 1/2 log 2 pi.

    Args:
        scale: the fixed standard deviation; 1 is the squared error of the beta-VAE papers. None
            learns one per pixel and channel as a second decoder output (soft-clamped, as in NVAE).
        symmetric: the density is of 2x - 1 on [-1, 1], as in NVAE, instead of x on [0, 1].
    """
    if scale is not None:
        check_number("scale", scale, lambda x: x > 0, "a positive number or None")

    def distribution(outputs: Array, channels: int) -> Distribution:
        mean, log_scale = outputs[..., :channels], outputs[..., channels:]
        if scale is not None:
            normal = Normal(mean, jnp.full_like(mean, scale))
        elif symmetric:
            normal = Normal.soft_clamped(mean, log_scale)
        else:  # the mean of standardised pixels may lie beyond the clamp
            normal = Normal(mean, jnp.exp(soft_clamp(log_scale)) + 0.01)
        return Symmetric(normal) if symmetric else normal

    return Likelihood(
        ("gaussian", scale, symmetric),
        num_outputs=lambda channels: channels if scale is not None else 2 * channels,
        distribution=distribution,
        any_range=not symmetric,
    )


def logistic_mixture(
    num_mixtures: int = 10, bits: int = 8, edge_threshold: float | None = None
) -> Likelihood:
    """A discretised mixture of logistics; the arguments are those of `LogisticMixture`."""
    if num_mixtures < 1:
        raise ValueError(f"num_mixtures: expected at least 1, got {num_mixtures}")
    if not 1 <= bits <= 16:
        raise ValueError(f"bits: expected 1 to 16, got {bits}")
    if edge_threshold is not None:
        check_number("edge_threshold", edge_threshold, lambda x: 0 < x <= 1, "a number in (0, 1]")
    return Likelihood(
        ("logistic_mixture", num_mixtures, bits, edge_threshold),
        num_outputs=lambda channels: LogisticMixture.num_outputs(channels, num_mixtures),
        distribution=lambda outputs, channels: LogisticMixture.from_outputs(
            outputs, channels, bits, edge_threshold
        ),
        bits=bits,
    )
