"""What a posterior is to a model: codes from noise, with their density, given what a network says.

One without parameters is any hashable object, one with parameters a flax module.
"""

from typing import NamedTuple, Protocol

from vaejax.distributions import Normal
from vaejax.types import Array


class Inferred(NamedTuple):
    """What an encoder says of a group of codes.

    Attributes:
        normal: a Gaussian in the shape of the codes, [B, D] or [B, h, w, D].
        features: what it was made of, [B, E] or [B, h, w, E].
    """

    normal: Normal
    features: Array


class Drawn(NamedTuple):
    """Codes and their density.

    Attributes:
        z: [B, D] or [B, h, w, D].
        log_q: in the shape of `z`, the terms of log q(z | x), nats: those of independent
            coordinates, or of what each coordinate adds to the chain rule.
        normal: q(z | x), if it is a Gaussian.
    """

    z: Array
    log_q: Array
    normal: Normal | None = None


class Posterior(Protocol):
    """q(z | x) of a group of codes."""

    def from_noise(self, inferred: Inferred, noise: Array) -> Drawn:
        """Codes from standard normal noise in their shape; of zeros, the mean codes."""

    def at(self, inferred: Inferred, z: Array) -> Drawn:
        """Given codes, with the density of those that noise makes."""


def inferred_codes(
    posterior: Posterior, inferred: Inferred, noise: Array, codes: Array | None
) -> Drawn:
    """Codes from noise, or given ones."""
    if codes is not None:
        return posterior.at(inferred, codes)
    return posterior.from_noise(inferred, noise)


def gaussian_of(drawn: Drawn) -> Normal:
    """q(z | x) for a prior that looks at it; a ValueError where it is no Gaussian."""
    if drawn.normal is None:
        raise ValueError(
            "posterior: expected a Gaussian one for a prior that looks at it, got another; choose "
            "posterior 'gaussian', or another prior"
        )
    return drawn.normal
