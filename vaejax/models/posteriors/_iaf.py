"""A Gaussian posterior through an inverse autoregressive flow.

    z_0 ~ N(mean(x), scale(x)^2),  z = flow(z_0; features(x)),
    log q(z | x) = log N(z_0; mean, scale^2) + sum_i log_scale_i.

The flow is the identity at first, so that q is then the Gaussian. Draws and their density take one
pass, the density of given codes as many as `vaejax.nn.in_order` needs.

Reference: Kingma et al., Improving variational inference with inverse autoregressive flow, 2016.
"""

import flax.linen as nn

from vaejax.models.posteriors.posterior import Drawn, Inferred, Posterior
from vaejax.nn.affine_flow import AffineFlow, check_flow
from vaejax.types import Array


class _IAF(nn.Module):
    num_flows: int
    hidden: tuple[int, ...]

    def setup(self):
        self.flow = AffineFlow(self.num_flows, self.hidden)

    def from_noise(self, inferred: Inferred, noise: Array) -> Drawn:
        return self._drawn(inferred, inferred.normal.at(noise))

    def at(self, inferred: Inferred, z: Array) -> Drawn:
        z_0 = self.flow.inverse(z, inferred.features)
        return self._drawn(inferred, z_0)._replace(z=z)

    def _drawn(self, inferred: Inferred, z_0: Array) -> Drawn:
        z, log_scale = self.flow(z_0, inferred.features)
        return Drawn(z, inferred.normal.log_prob(z_0) + log_scale)


def iaf(num_flows: int = 2, hidden: tuple[int, ...] = (320,)) -> Posterior:
    """A Gaussian through inverse autoregressive flows, for codes that are vectors or grids.

    Every flow looks at the last features of the encoder, and every other one goes through the codes
    in the reverse order. The KL is log q - log p of the draw; its terms by latent, what each
    coordinate adds to the two, are those of the chain rule for a single flow.

    Args:
        num_flows: how many there are.
        hidden: widths of the hidden layers of each: units for vectors, channels for grids, there
            multiples of those of the codes.
    """
    check_flow(num_flows, hidden)
    return _IAF(num_flows, hidden)
