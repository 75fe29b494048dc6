"""A VAE with batch normalisation in its decoder, whose statistics can be those of samples."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from vaejax.distributions import Normal, bernoulli, normal_latent
from vaejax.models.vae import VAE
from vaejax.nn.batch_norm import BatchNorm


class NormalisedVAE(VAE):
    image_shape: tuple[int, int, int]
    latent_size: int = 2
    likelihood = bernoulli()

    def setup(self):
        self.heads = nn.Dense(2 * self.latent_size)
        self.hidden, self.norm, self.last = nn.Dense(16), BatchNorm(), nn.Dense(64)

    @property
    def latent_shapes(self):
        return ((self.latent_size,),)

    def _infer(self, images, noise, codes, train):
        q = Normal.from_log_var(*jnp.split(self.heads(images.reshape(len(images), -1)), 2, axis=1))
        z = q.at(noise[0]) if codes is None else codes[0]
        return z, (normal_latent(z, q, Normal.standard(z)),)

    def _generate(self, noise, codes, scales, train):
        z = scales[0] * noise[0] if codes[0] is None else codes[0]
        return z, (z,)

    def _standardised(self, images):
        return (self._infer(images, [0.0], None, train=False)[0],)

    def _outputs(self, z, train):
        hidden = self.norm(self.hidden(z)[:, None, None], train)[:, 0, 0]
        return self.last(jax.nn.relu(hidden)).reshape(-1, *self.image_shape)
