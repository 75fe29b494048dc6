"""The prior of a grid of codes that an autoregressive network over pixels makes.

    p(z | above) = prod_ij N(z_ij; mean_ij, scale_ij),  mean_ij, scale_ij from z before ij and above

A place comes after those of the rows above it and after those to its left; the channels of one
place are independent given what comes before. It is one step of an affine autoregressive flow, with
the networks that draw images: of a wide view, told of the groups above, and drawn place by place.
It is standard at first.

References:
    Gulrajani et al., PixelVAE, 2016, section 3.2 (which squashes means to (-2, 2); here they are
        free, as in a flow).
    van den Oord, Vinyals & Kavukcuoglu, Neural discrete representation learning, 2017 (a PixelCNN
        over a grid of codes).
"""

from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jax import lax

from vaejax.distributions import Normal, soft_clamp, sum_events, sum_positions
from vaejax.models.autoregressive import Outputs, PixelNetwork, gated_pixelcnn
from vaejax.models.priors.prior import Context, Prior
from vaejax.nn.affine_flow import MAX_LOG_SCALE
from vaejax.nn.causal import NOTHING, Given, Place
from vaejax.nn.dense import Dense
from vaejax.nn.drawing import draw_in_order
from vaejax.types import Array

SMALL = gated_pixelcnn(
    features=32, num_layers=4, kernel_size=3, first_kernel_size=3, head_features=32
)


class _NextCodes(nn.Module):
    """Means and log-scales [B, h, w, 2D] of codes [B, h, w, D]; a `vaejax.nn.drawing.Causal`."""

    network: PixelNetwork
    num_channels: int

    def setup(self):
        self.pixels = self.network.module(Outputs(2 * self.num_channels))
        self.last = Dense(2 * self.num_channels, kernel_init=nn.initializers.zeros)

    def __call__(self, z: Array, given: Given = NOTHING, dropout: Array | None = None) -> Array:
        return self.last(self.pixels(z, given, dropout))

    def rows(self, z: Array, given: Given, place: Place) -> Any:
        return self.pixels.rows(z, given, place)

    def pixel(self, z: Array, rows: Any, given: Given, place: Place) -> Array:
        return self.last(self.pixels.pixel(z, rows, given, place))


class _PixelPrior(nn.Module):
    network: PixelNetwork
    looks_at_posterior = False
    looks_above = True

    def log_prob(self, z: Array, context: Context) -> Array:
        return sum_events(self.log_prob_terms(z, context))

    def log_prob_terms(self, z: Array, context: Context) -> Array:
        return sum_positions(self._normal(z, context).log_prob(z))

    def from_noise(self, noise: Array, context: Context, temperature: float | Array) -> Array:
        network, variables = self._next_codes(noise).unbind()
        batch, height, width, channels = noise.shape
        places = noise.reshape(batch, height * width, 1, channels)

        def drawn(before: Array, outputs: Array, number: Array, turn: int) -> Array:
            del before, turn
            own = lax.dynamic_slice_in_dim(places, number, 1, axis=1)
            return _normal(outputs).at(temperature * own).astype(noise.dtype)

        canvas = jnp.zeros_like(noise)
        return draw_in_order(network, variables, canvas, drawn, _given(context, noise))

    def to_noise(self, z: Array, context: Context) -> Array:
        return self._normal(z, context).noise_of(z)

    def normal(self, z: Array) -> None:
        del z

    def _normal(self, z: Array, context: Context) -> Normal:
        """Of every place, given codes before it."""
        return _normal(self._next_codes(z)(z, _given(context, z)))

    @nn.compact
    def _next_codes(self, z: Array) -> _NextCodes:
        if z.ndim != 4:
            raise ValueError(
                f"prior: expected codes [B, h, w, D] of a pixel_prior, got shape {z.shape}; of "
                "vectors choose standard or autoregressive_flow"
            )
        self.network.check((z.shape[1], z.shape[2], z.shape[3]))
        return _NextCodes(self.network, z.shape[-1], name="network")


def pixel_prior(network: PixelNetwork = SMALL) -> Prior:
    """Gaussians of an autoregressive network over a grid, given the group of codes above.

    The codes above, a vector or a grid of the same height and width, are told to every layer of the
    network. Density and noise of codes take one pass, a draw about one more. The KL is log q - log
    p of the draw, its terms those of the channels, summed over places.

    Args:
        network: what looks at the codes before a place; see `vaejax.models.autoregressive`. What it
            is given is what there is above, whatever its `conditioning`.

    Raises:
        ValueError: a network with dropout, for which a prior has no noise.
    """
    if network.dropout:
        raise ValueError(
            f"network: expected one without dropout for a prior, got dropout={network.dropout}"
        )
    return _PixelPrior(network)


def _normal(outputs: Array) -> Normal:
    outputs = outputs.astype(jnp.promote_types(outputs.dtype, jnp.float32))
    mean, log_scale = jnp.split(outputs, 2, axis=-1)
    return Normal(mean, jnp.exp(soft_clamp(log_scale, MAX_LOG_SCALE)))


def _given(context: Context, z: Array) -> Given:
    """The group above, as networks are told of it; a ValueError where it fits no grid like z."""
    if not context.above:
        return NOTHING
    above = context.above[-1]
    if above.ndim == 2:
        return Given(vector=above)
    if above.shape[:-1] != z.shape[:-1]:
        raise ValueError(
            f"prior: expected a vector or a grid {z.shape[1:3]} above codes {z.shape[1:]}, got "
            f"{above.shape[1:]}"
        )
    return Given(map=above)
