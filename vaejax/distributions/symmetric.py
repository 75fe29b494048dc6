"""Images on [0, 1] whose distribution is one of 2x - 1 on [-1, 1]."""

from typing import NamedTuple

from vaejax.types import Array, Distribution


class Symmetric(NamedTuple):
    """What `base` says of 2x - 1, asked for x.

    The density stays that of 2x - 1: per pixel and channel, log 2 nats less than that of x.
    """

    base: Distribution

    def log_prob(self, value: Array) -> Array:
        """Elementwise log-density of 2x - 1, nats."""
        return self.base.log_prob(2.0 * value - 1.0)

    def mean(self) -> Array:
        """The expected image, on the scale of [0, 1]."""
        return 0.5 * (self.base.mean() + 1.0)

    def sample(self, rng: Array) -> Array:
        """One draw, on the scale of [0, 1]."""
        return 0.5 * (self.base.sample(rng) + 1.0)

    def with_temperature(self, temperature: float | Array) -> "Symmetric":
        """That of `base` at a temperature."""
        return Symmetric(self.base.with_temperature(temperature))
