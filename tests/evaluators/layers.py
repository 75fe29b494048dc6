"""Two stochastic layers with a closed form, y above z: p(y) p(z | y) p(x | z)."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from vaejax.distributions import Normal, estimated_latent, normal_latent, sum_events
from vaejax.nn.noise import draw_each, part_keys
from vaejax.types import VAEOutput

SLOPE, NOISE = 2.0, 0.4  # q(z | x) = N(2 (x - 1/2), 0.4^2), x the mean of the image
UP, DOWN, SPREAD = 0.7, 0.5, 0.8  # q(y | z) = N(0.7 z, 0.8^2), p(z | y) = N(0.5 y, 0.8^2)
START = {"params": {"slope": np.float32(SLOPE)}}


class TwoLayers(nn.Module):
    """Images [H, W, 1]; the latents are y and z, [B, 1] each.

    Attributes:
        skip: how much q(y | z, x) looks at the image too.
        top_down: whether it is q(y | x) q(z | y, x), with the same numbers, instead of
            q(z | x) q(y | z, x).
    """

    skip: float = 0.0
    top_down: bool = False

    def setup(self):
        self.slope = self.param("slope", nn.initializers.constant(SLOPE), ())

    def __call__(self, batch, *, noise, codes=None, train=False):
        images = batch["image"]
        latents = self._latents(images, noise["latent"])
        mean = jnp.broadcast_to(latents[1].z[:, :, None, None], images.shape)
        log_px = sum_events(Normal(mean, jnp.ones_like(mean)).log_prob(images))
        return VAEOutput(log_px, latents)

    @nn.nowrap
    def noise(self, keys):
        draws = [draw_each(jax.random.normal, part_keys(keys, group), (1,)) for group in range(2)]
        return {"latent": tuple(draws)}

    def encode(self, batch, noise=None):
        images = batch["image"]
        means = (np.zeros((len(images), 1), np.float32),) * 2
        return self._latents(images, means if noise is None else noise["latent"])

    def _latents(self, images, noise):
        seen = images.reshape(len(images), -1).mean(1, keepdims=True) - 0.5
        if self.top_down:
            top = _normal(self.slope * seen, NOISE)
            below = _normal(UP * top.at(noise[0]) + self.skip * seen, SPREAD)
        else:
            below = _normal(self.slope * seen, NOISE)
            top = _normal(UP * below.at(noise[1]) + self.skip * seen, SPREAD)
        y, z = top.at(noise[0]), below.at(noise[1])
        log_q = sum_events(below.log_prob(z))
        log_p = sum_events(_normal(DOWN * y, SPREAD).log_prob(z))
        # Its posterior may depend on what y is drawn from, or y on it: no closed form.
        return normal_latent(y, top, Normal.standard(y)), estimated_latent(z, log_q, log_p, below)


def _normal(mean, scale):
    return Normal(mean, jnp.full_like(mean, scale))
