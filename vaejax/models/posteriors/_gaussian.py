"""The Gaussian posterior with independent coordinates."""

import dataclasses

from vaejax.models.posteriors.posterior import Drawn, Inferred, Posterior
from vaejax.types import Array


@dataclasses.dataclass(frozen=True)
class _Gaussian:
    """What the encoder says, as it is."""

    def from_noise(self, inferred: Inferred, noise: Array) -> Drawn:
        return self.at(inferred, inferred.normal.at(noise))

    def at(self, inferred: Inferred, z: Array) -> Drawn:
        return Drawn(z, inferred.normal.log_prob(z), inferred.normal)


def gaussian() -> Posterior:
    """N(mean(x), diag scale(x)^2)."""
    return _Gaussian()
