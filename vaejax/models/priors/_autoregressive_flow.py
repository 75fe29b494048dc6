"""The prior of an autoregressive flow, z = flow(noise).

Its density takes one pass, a draw as many as `vaejax.nn.in_order` needs. It is standard at first.

References:
    Chen et al., Variational lossy autoencoder, 2017, section 3.2: the same as an IAF posterior on
        the way from an image to its code, and deeper on the way back.
    Papamakarios, Pavlakou & Murray, Masked autoregressive flow for density estimation, 2017.
"""

import flax.linen as nn

from vaejax.distributions import Normal, sum_events, sum_positions
from vaejax.models.priors.prior import Context, Prior
from vaejax.nn.affine_flow import AffineFlow, check_flow
from vaejax.types import Array


class _AutoregressiveFlow(nn.Module):
    num_flows: int
    hidden: tuple[int, ...]
    looks_at_posterior = False

    def setup(self):
        self.flow = AffineFlow(self.num_flows, self.hidden)

    def log_prob(self, z: Array, context: Context) -> Array:
        return sum_events(self.log_prob_terms(z, context))

    def log_prob_terms(self, z: Array, context: Context) -> Array:
        del context
        noise, log_scale = self.flow(z)
        return sum_positions(Normal.standard(noise).log_prob(noise) - log_scale)

    def from_noise(self, noise: Array, context: Context, temperature: float | Array) -> Array:
        del context
        return self.flow.inverse(temperature * noise)

    def to_noise(self, z: Array, context: Context) -> Array:
        del context
        return self.flow(z)[0]

    def normal(self, z: Array) -> None:
        del z


def autoregressive_flow(num_flows: int = 2, hidden: tuple[int, ...] = (320,)) -> Prior:
    """Standard normal noise through autoregressive flows, for codes that are vectors or grids.

    Every other flow goes through the codes in the reverse order.

    Args:
        num_flows: how many there are.
        hidden: widths of the hidden layers of each: units for vectors, channels for grids, there
            multiples of those of the codes.
    """
    check_flow(num_flows, hidden)
    return _AutoregressiveFlow(num_flows, hidden)
