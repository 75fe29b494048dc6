"""A VAE whose decoder draws pixel by pixel, given the code."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from tests.leaves.pixels import PreviousPixels, drawn, log_prob
from vaejax.distributions import Normal, normal_latent
from vaejax.nn.noise import draw_each, part_keys
from vaejax.types import VAEOutput


class PixelVAE(nn.Module):
    image_shape: tuple[int, int, int]
    latent_size: int = 2

    def setup(self):
        self.heads = nn.Dense(2 * self.latent_size)
        self.network = PreviousPixels()
        self.conditional = nn.Dense(64)

    def __call__(self, batch, *, noise=None, codes=None, train=False):
        pixels = self._flat(batch)
        posterior = self._posterior(batch)
        z = posterior.at(noise["latent"][0]) if codes is None else codes[0]
        log_px = log_prob(self.network(pixels) + self.conditional(z), pixels)
        return VAEOutput(log_px, (normal_latent(z, posterior, Normal.standard(z)),))

    @nn.nowrap
    def noise(self, keys):
        latent = draw_each(jax.random.normal, part_keys(keys, 0), (self.latent_size,))
        pixels = draw_each(jax.random.uniform, part_keys(keys, 1), self.image_shape)
        return {"latent": (latent,), "pixels": pixels}

    def encode(self, batch, noise=None):
        posterior = self._posterior(batch)
        z = posterior.loc if noise is None else posterior.at(noise["latent"][0])
        return (normal_latent(z, posterior, Normal.standard(z)),)

    def decode(self, codes, keys, temperature=1.0):
        noise = self.noise(keys)
        (z,) = codes if codes[0] is not None else noise["latent"]
        return self._drawn(z, noise["pixels"])

    def from_noise(self, noise, temperature=1.0, draw=False):
        scale = temperature if jnp.ndim(temperature) == 0 else temperature[0]
        return self._drawn(scale * noise["latent"][0], noise["pixels"])

    def prior_codes(self, noise):
        return noise["latent"]

    def _posterior(self, batch):
        mean, log_var = jnp.split(self.heads(self._flat(batch)), 2, axis=1)
        return Normal.from_log_var(mean, log_var)

    def _drawn(self, z, uniforms):
        shift = self.conditional(z)
        flat = uniforms.reshape(len(uniforms), -1)
        return drawn(lambda pixels: self.network(pixels) + shift, flat).reshape(uniforms.shape)

    def _flat(self, batch):
        return batch["image"].reshape(len(batch["image"]), -1)
