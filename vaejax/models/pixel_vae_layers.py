"""The two networks of a PixelVAE: residual blocks between convolutions, up from the image to
Gaussians, and from a grid of codes down to a map of the image's size.
"""

import flax.linen as nn
import jax

from vaejax.distributions import Normal
from vaejax.models.conv_vae import up_layer
from vaejax.models.posteriors import Inferred
from vaejax.models.presets import Architecture
from vaejax.nn.conv import Conv
from vaejax.nn.dense import Dense
from vaejax.nn.initializers import glorot_uniform
from vaejax.types import Array

KERNEL_SIZE = 3  # of residual blocks


class ResidualBlocks(nn.Module):
    """x + conv(elu(conv(elu(x)))), several times; each is the identity at first.

    Attributes:
        number: how many there are.
    """

    number: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """[B, H, W, C] -> [B, H, W, C]."""
        features = x.shape[-1]
        for _ in range(self.number):
            h = Conv(features, KERNEL_SIZE)(jax.nn.elu(x))
            x = x + Conv(features, KERNEL_SIZE, kernel_init=nn.initializers.zeros)(jax.nn.elu(h))
        return x


class Encoder(nn.Module):
    """Images [B, H, W, C] -> Gaussians of every group, top first.

    Attributes:
        architecture: of which the convolutions are used.
        num_blocks: after every convolution, and again before the heads of a vector.
        num_channels: of the grid of codes.
        vector_size: of the vector above; 0 has none.
    """

    architecture: Architecture
    num_blocks: int
    num_channels: int
    vector_size: int

    @nn.compact
    def __call__(self, images: Array) -> tuple[Inferred, ...]:
        x = images
        for number, spec in enumerate(self.architecture.convs):
            x = x if number == 0 else jax.nn.elu(x)
            x = ResidualBlocks(self.num_blocks)(Conv(spec.features, spec.kernel, spec.stride)(x))
        features = jax.nn.elu(x)
        mean, log_var = (Conv(self.num_channels, 1, name=name)(features) for name in _HEADS)
        groups = (Inferred(Normal.from_log_var(mean, log_var), features),)
        if not self.vector_size:
            return groups
        above = jax.nn.elu(ResidualBlocks(self.num_blocks)(x)).reshape(len(x), -1)
        mean, log_var = (
            Dense(self.vector_size, kernel_init=glorot_uniform, name=f"vector_{name}")(above)
            for name in _HEADS
        )
        return (Inferred(Normal.from_log_var(mean, log_var), above), *groups)


_HEADS = ("mean", "log_var")


class Decoder(nn.Module):
    """Grids of codes [B, h, w, D] -> [B, H, W, num_outputs].

    Attributes:
        architecture: of which the up-convolutions are used.
        num_blocks: before every one of them.
        num_outputs: per pixel.
    """

    architecture: Architecture
    num_blocks: int
    num_outputs: int

    @nn.compact
    def __call__(self, z: Array) -> Array:
        arch = self.architecture
        assert arch.output is not None
        x = Conv(arch.convs[-1].features, KERNEL_SIZE)(z)
        for spec in (*arch.deconvs, None):
            x = jax.nn.elu(ResidualBlocks(self.num_blocks)(x))
            x = up_layer(*spec)(x) if spec else up_layer(self.num_outputs, *arch.output)(x)
        return x
