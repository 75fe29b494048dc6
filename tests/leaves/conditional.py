"""A class-conditional VAE: the label is an observed group of codes above the latent one."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from vaejax.distributions import Bernoulli, Normal, normal_latent, sum_events
from vaejax.nn.noise import draw_each, part_keys
from vaejax.types import Latent, VAEOutput


class ConditionalVAE(nn.Module):
    image_shape: tuple[int, int, int]
    num_labels: int
    latent_size: int = 2

    def setup(self):
        self.heads = nn.Dense(2 * self.latent_size)
        self.decoder = nn.Dense(64)

    def __call__(self, batch, *, noise=None, codes=None, train=False):
        label, latent = self._latents(batch, noise, codes)
        log_px = self._likelihood(label.z, latent.z).log_prob(batch["image"])
        return VAEOutput(sum_events(log_px), (latent,))

    @nn.nowrap
    def noise(self, keys):
        latent = draw_each(jax.random.normal, part_keys(keys, 0), (self.latent_size,))
        labels = draw_each(jax.random.randint, part_keys(keys, 1), (), 0, self.num_labels)
        return {"latent": (latent,), "label": labels}

    def encode(self, batch, noise=None):
        return self._latents(batch, noise, None)

    def decode(self, codes, keys, temperature=1.0):
        drawn = self.prior_codes(self.noise(keys))
        label, z = (d if c is None else c for c, d in zip(codes, drawn, strict=True))
        return self._likelihood(label, z).mean()

    def from_noise(self, noise, temperature=1.0, draw=False):
        label, z = self.prior_codes(noise)
        return self._likelihood(label, temperature * z).mean()

    def prior_codes(self, noise):
        return jax.nn.one_hot(noise["label"], self.num_labels), noise["latent"][0]

    def _latents(self, batch, noise, codes):
        label = jax.nn.one_hot(batch["label"], self.num_labels)
        inputs = jnp.concatenate([batch["image"].reshape(len(label), -1), label], axis=1)
        q = Normal.from_log_var(*jnp.split(self.heads(inputs), 2, axis=1))
        z = q.loc if noise is None else q.at(noise["latent"][0])
        z = z if codes is None else codes[-1]
        known = jnp.zeros(len(label))  # an observed label costs nothing
        return Latent(label, known, known, known), normal_latent(z, q, Normal.standard(z))

    def _likelihood(self, label, z):
        logits = self.decoder(jnp.concatenate([label, z], axis=1))
        return Bernoulli(logits.reshape(-1, *self.image_shape))
