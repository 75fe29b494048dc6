"""The two networks of a dense hierarchy: Gaussians up from the image, and down to it."""

from collections.abc import Callable

import flax.linen as nn
import jax.numpy as jnp

from vaejax.distributions import Normal
from vaejax.models.posteriors import Inferred
from vaejax.nn.dense import Dense
from vaejax.nn.initializers import glorot_uniform
from vaejax.nn.mlp import MLP
from vaejax.types import Array

Widths = tuple[int, ...]


class GaussianLayer(nn.Module):
    """[B, I] -> a Gaussian over [B, size], and the last hidden layer, in which its mean and
    log-scale are linear.
    """

    hidden: Widths
    size: int
    activation: Callable[[Array], Array]

    @nn.compact
    def __call__(self, x: Array) -> Inferred:
        for width in self.hidden:
            x = self.activation(Dense(width, kernel_init=glorot_uniform)(x))
        mean = Dense(self.size, kernel_init=glorot_uniform, name="mean")(x)
        log_scale = Dense(self.size, kernel_init=glorot_uniform, name="log_scale")(x)
        return Inferred(Normal(mean, jnp.exp(log_scale)), x)


class Encoder(nn.Module):
    """q of every group given the one below it, or the image."""

    hidden: tuple[Widths, ...]
    sizes: tuple[int, ...]
    activation: Callable[[Array], Array]

    def setup(self):
        parts = zip(self.hidden, self.sizes, strict=True)
        self.group = [GaussianLayer(widths, size, self.activation) for widths, size in parts]

    def __call__(self, group: int, below: Array) -> Inferred:
        return self.group[group](below)


class Decoder(nn.Module):
    """p of every group but the top one given the one above it, and the outputs for pixels.

    Between two groups it has the layers of the encoder, in the other direction.
    """

    hidden: tuple[Widths, ...]
    sizes: tuple[int, ...]
    num_outputs: int
    activation: Callable[[Array], Array]
    bias_init: Callable[..., Array]

    def setup(self):
        *between, last = [widths[::-1] for widths in self.hidden]
        self.group = {
            str(g): GaussianLayer(widths, size, self.activation)
            for g, (widths, size) in enumerate(zip(between, self.sizes[1:], strict=True), 1)
        }
        self.pixels = MLP(last, self.num_outputs, self.activation, self.bias_init)

    def prior(self, group: int, above: Array) -> Normal:
        """p(z_g | z_g-1), the top group being 0."""
        return self.group[str(group)](above).normal

    def __call__(self, bottom: Array) -> Array:
        """The raw outputs [B, num_outputs] for the codes of the last group."""
        return self.pixels(bottom)
