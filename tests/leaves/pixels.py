"""A model of images without latents: every pixel a coin that depends on the pixels before it."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from vaejax.nn.noise import draw_each
from vaejax.types import VAEOutput


class PreviousPixels(nn.Module):
    """Logits [n, P] of pixels [n, P] from those before them."""

    @nn.compact
    def __call__(self, pixels):
        size = pixels.shape[-1]
        before = np.triu(np.ones((size, size), np.float32), 1)  # of input i, output j > i
        weights = self.param("weights", nn.initializers.zeros, (size, size))
        bias = self.param("bias", nn.initializers.zeros, (size,))
        return pixels @ (weights * before) + bias[None]


def drawn(logits_of, uniforms):
    """Pixels [n, P] drawn one after another from uniforms [n, P]."""

    def step(i, pixels):
        probability = jax.nn.sigmoid(logits_of(pixels)[:, i])
        return pixels.at[:, i].set((uniforms[:, i] < probability).astype(pixels.dtype))

    return jax.lax.fori_loop(0, uniforms.shape[1], step, jnp.zeros_like(uniforms))


def log_prob(logits, pixels):
    return (pixels * logits - jax.nn.softplus(logits)).sum(-1)


class PixelModel(nn.Module):
    image_shape: tuple[int, int, int]

    def setup(self):
        self.network = PreviousPixels()

    def __call__(self, batch, *, noise=None, codes=None, train=False):
        pixels = batch["image"].reshape(len(batch["image"]), -1)
        return VAEOutput(log_prob(self.network(pixels), pixels))

    @nn.nowrap
    def noise(self, keys):
        return {"pixels": draw_each(jax.random.uniform, keys, self.image_shape)}

    def from_noise(self, noise, temperature=1.0, draw=False):
        uniforms = noise["pixels"]
        pixels = drawn(self.network, uniforms.reshape(len(uniforms), -1))
        return pixels.reshape(uniforms.shape)
