"""From a decoder's raw outputs to p(x | z): what a model needs to know of its output distribution.

A likelihood says how many numbers per pixel the decoder must produce for images of C channels and
turns them into a `Distribution`. The model stays the same for all of them.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from vaejax.core.checks import check_counts, check_number
from vaejax.distributions.bernoulli import Bernoulli
from vaejax.distributions.categorical import Categorical
from vaejax.distributions.logistic_mixture import LogisticMixture
from vaejax.distributions.multivariate_normal import MultivariateNormal
from vaejax.distributions.normal import Normal, soft_clamp
from vaejax.distributions.symmetric import Symmetric
from vaejax.types import Array, Distribution


@dataclasses.dataclass(frozen=True, kw_only=True)
class Likelihood:
    """How raw decoder outputs become a distribution over images.

    One is a frozen dataclass of its settings, so that two are equal if these are. Models that
    differ in nothing else are then equal too, and what is compiled for one serves the other.

    Attributes:
        any_range: whether images may leave [0, 1]; elsewhere a Bernoulli has no bound at all.
        bits: images take 2^bits values, which have masses; None where that does not matter.
        border: pixels of padding on every side, which are not scored.
        joint_channels: whether the colours of one pixel are drawn together.
    """

    any_range: bool = False
    bits: int | None = None
    border: int = 0
    joint_channels: bool = False

    def num_outputs(self, channels: int) -> int:
        """Outputs per pixel of a decoder of images of C channels."""
        raise NotImplementedError

    def distribution(self, outputs: Array, channels: int) -> Distribution:
        """Over images [B, H, W, C], from outputs [B, H, W, num_outputs(C)]."""
        raise NotImplementedError

    def drawn(self, distribution: Distribution, rng: Array) -> Array:
        """One draw of one of its distributions, rounded to the values that images take, if any."""
        return _rounded(distribution.sample(rng), self.bits)

    def outputs_for(self, means: Array) -> Array | None:
        """Outputs that make these the means, in (0, 1); None where means are not all there is."""
        del means
        return None

    def channel_of_outputs(self, channels: int) -> np.ndarray:
        """The colour that each of the outputs belongs to, [num_outputs(C)] ints from 0 to C - 1.

        A network gives those of a colour from what may depend on the colours before it.

        Raises:
            ValueError: outputs belong to no colour, as where the colours are drawn together.
        """
        raise ValueError(
            "likelihood: expected one whose colours have outputs of their own, such as bernoulli "
            f"or categorical, got {self}"
        )

    def num_dims(self, image_shape: tuple[int, int, int]) -> int:
        """Pixels times channels that are scored of images (H, W, C); ValueError if none is."""
        height, width, channels = image_shape
        if 2 * self.border >= min(height, width):
            raise ValueError(
                f"border: expected less than half of images {height}x{width}, got {self.border}"
            )
        return (height - 2 * self.border) * (width - 2 * self.border) * channels


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Bernoulli(Likelihood):
    def num_outputs(self, channels: int) -> int:
        return channels

    def distribution(self, outputs: Array, channels: int) -> Distribution:
        return Bernoulli(outputs, self.border)

    def outputs_for(self, means: Array) -> Array:
        return jax.scipy.special.logit(means)

    def channel_of_outputs(self, channels: int) -> np.ndarray:
        return np.arange(channels)


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Categorical(Likelihood):
    bits: int = 8

    def num_outputs(self, channels: int) -> int:
        return channels * 2**self.bits

    def distribution(self, outputs: Array, channels: int) -> Distribution:
        return Categorical(outputs.reshape(*outputs.shape[:-1], channels, 2**self.bits))

    def channel_of_outputs(self, channels: int) -> np.ndarray:
        return np.repeat(np.arange(channels), 2**self.bits)


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Gaussian(Likelihood):
    scale: float | None
    symmetric: bool

    def num_outputs(self, channels: int) -> int:
        return channels if self.scale is not None else 2 * channels

    def distribution(self, outputs: Array, channels: int) -> Distribution:
        mean, log_scale = outputs[..., :channels], outputs[..., channels:]
        if self.scale is not None:
            normal = Normal(mean, jnp.full_like(mean, self.scale))
        elif self.symmetric:
            normal = Normal.soft_clamped(mean, log_scale)
        else:  # the mean of standardised pixels may lie beyond the clamp
            normal = Normal(mean, jnp.exp(soft_clamp(log_scale)) + 0.01)
        return Symmetric(normal) if self.symmetric else normal

    def channel_of_outputs(self, channels: int) -> np.ndarray:
        return np.arange(self.num_outputs(channels)) % channels


@dataclasses.dataclass(frozen=True, kw_only=True)
class _FullGaussian(Likelihood):
    joint_channels: bool = True

    def num_outputs(self, channels: int) -> int:
        return channels + channels * (channels + 1) // 2

    def distribution(self, outputs: Array, channels: int) -> Distribution:
        rows, columns = np.tril_indices(channels)
        triangle = outputs[..., channels:]
        scales = jnp.exp(soft_clamp(triangle)) + 0.01
        entries = jnp.where(rows == columns, scales, triangle)
        root = jnp.zeros((*outputs.shape[:-1], channels, channels), outputs.dtype)
        root = root.at[..., rows, columns].set(entries)
        return MultivariateNormal(outputs[..., :channels], root)


@dataclasses.dataclass(frozen=True, kw_only=True)
class _LogisticMixture(Likelihood):
    num_mixtures: int
    bits: int = 8
    edge_threshold: float | None
    joint_channels: bool = True

    def num_outputs(self, channels: int) -> int:
        return LogisticMixture.num_outputs(channels, self.num_mixtures)

    def distribution(self, outputs: Array, channels: int) -> Distribution:
        return LogisticMixture.from_outputs(outputs, channels, self.bits, self.edge_threshold)

    def drawn(self, distribution: Distribution, rng: Array) -> Array:
        assert isinstance(distribution, LogisticMixture)
        return distribution.sample(rng, rounded=True)  # a colour depends on the values before it


def _rounded(images: Array, bits: int | None) -> Array:
    """The nearest of 2^bits values from 0 to 1."""
    if bits is None:
        return images
    last = 2**bits - 1
    return jnp.round(images * last) / last


def bernoulli(border: int = 0) -> Likelihood:
    """Bernoulli pixels: binary images, or the usual cross-entropy on grey ones in [0, 1].

    Args:
        border: pixels of padding on every side of the images, which are not scored.
    """
    check_counts(border=(border, 0))
    return _Bernoulli(border=border)


def categorical(bits: int = 8) -> Likelihood:
    """Categorical pixels: a probability of its own for each of 2^bits values, see `Categorical`.

    The outputs are logits, colour after colour.

    Args:
        bits: bits per channel, 1 to 8; images take 2^bits values.
    """
    check_counts(bits=(bits, 1))
    if bits > 8:
        raise ValueError(f"bits: expected at most 8, got {bits}")
    return _Categorical(bits=bits)


def gaussian(scale: float | None = 1.0, symmetric: bool = False) -> Likelihood:
    """Gaussian pixels, log p = -(x - mean)^2 / (2 scale^2) - log scale - 1/2 log 2 pi.

    Args:
        scale: the fixed standard deviation; 1 is the squared error of the beta-VAE papers. None
            learns one per pixel and channel as a second decoder output (soft-clamped, as in NVAE).
        symmetric: the density is of 2x - 1 on [-1, 1], as in NVAE, instead of x on [0, 1].
    """
    if scale is not None:
        check_number("scale", scale, lambda x: x > 0, "a positive number or None")
    return _Gaussian(scale=scale, symmetric=symmetric, any_range=not symmetric)


def full_gaussian() -> Likelihood:
    """Gaussian pixels whose channels have a full covariance L L', learned for every pixel.

    After the means come the rows of L, a lower triangle; its diagonal is soft-clamped, as in NVAE.
    """
    return _FullGaussian(any_range=True)


def logistic_mixture(
    num_mixtures: int = 10, bits: int = 8, edge_threshold: float | None = None
) -> Likelihood:
    """A discretised mixture of logistics, see `LogisticMixture`.

    Args:
        num_mixtures: M, logistics per pixel.
        bits: bits per channel, 1 to 16; images take 2^bits values.
        edge_threshold: None computes every bin exactly; a number reproduces public implementations.
    """
    check_counts(num_mixtures=(num_mixtures, 1), bits=(bits, 1))
    if bits > 16:
        raise ValueError(f"bits: expected at most 16, got {bits}")
    if edge_threshold is not None:
        check_number("edge_threshold", edge_threshold, lambda x: 0 < x <= 1, "a number in (0, 1]")
    return _LogisticMixture(num_mixtures=num_mixtures, bits=bits, edge_threshold=edge_threshold)
