"""A hierarchy of two groups of vectors, as small as one can be."""

import flax.linen as nn
import jax.numpy as jnp

from vaejax.distributions import Normal, bernoulli, normal_latent
from vaejax.models.vae import VAE


class Pair(VAE):
    image_shape: tuple[int, int, int]
    likelihood = bernoulli()

    def setup(self):
        self.top, self.bottom = nn.Dense(2 * 2), nn.Dense(2 * 3)
        self.prior, self.pixels = nn.Dense(3), nn.Dense(64)

    @property
    def latent_shapes(self):
        return ((2,), (3,))

    def _infer(self, images, noise, codes, train):
        flat = images.reshape(len(images), -1)
        q_0 = Normal.from_log_var(*jnp.split(self.top(flat), 2, axis=1))
        z_0 = q_0.at(noise[0]) if codes is None else codes[0]
        features = jnp.concatenate([flat, z_0], axis=1)
        q_1 = Normal.from_log_var(*jnp.split(self.bottom(features), 2, axis=1))
        z_1 = q_1.at(noise[1]) if codes is None else codes[1]
        latents = (
            normal_latent(z_0, q_0, Normal.standard(z_0)),
            normal_latent(z_1, q_1, self._below(z_0)),
        )
        return (z_0, z_1), latents

    def _generate(self, noise, codes, scales, train):
        z_0 = scales[0] * noise[0] if codes[0] is None else codes[0]
        z_1 = self._below(z_0).at(scales[1] * noise[1]) if codes[1] is None else codes[1]
        return (z_0, z_1), (z_0, z_1)

    def _standardised(self, images):
        _, (top, bottom) = self._infer(images, [0.0, 0.0], None, train=False)
        return top.z, self._below(top.z).noise_of(bottom.z)

    def _outputs(self, features, train):
        logits = self.pixels(jnp.concatenate(features, axis=1))
        return logits.reshape(-1, *self.image_shape)

    def _below(self, z_0):
        return Normal(self.prior(z_0), jnp.full((len(z_0), 3), 0.7))
