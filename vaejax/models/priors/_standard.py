"""The standard normal prior."""

import dataclasses
from typing import ClassVar

from vaejax.core.checks import check_number
from vaejax.distributions import Normal, sum_events
from vaejax.models.priors.prior import Context, Prior
from vaejax.types import Array


@dataclasses.dataclass(frozen=True)
class _Standard:
    """N(0, scale^2)."""

    scale: float
    looks_at_posterior: ClassVar[bool] = False

    def log_prob(self, z: Array, context: Context) -> Array:
        del context
        return sum_events(self.normal(z).log_prob(z))

    def from_noise(self, noise: Array, context: Context, temperature: float | Array) -> Array:
        del context
        return self.normal(noise).at(temperature * noise)

    def to_noise(self, z: Array, context: Context) -> Array:
        del context
        return self.normal(z).noise_of(z)

    def normal(self, z: Array) -> Normal:
        standard = Normal.standard(z)
        return standard if self.scale == 1.0 else standard.with_temperature(self.scale)


def standard(scale: float = 1.0) -> Prior:
    """N(0, scale^2 I).

    Args:
        scale: the standard deviation; the official NVAE code has 1.01.
    """
    check_number("scale", scale, lambda x: x > 0, "a number > 0")
    return _Standard(scale)
