"""One latent group of NVAE on its way up (features of the image) and down (prior and posterior).

Reference: Vahdat & Kautz, NVAE, 2020, figure 2; residual Normal distributions of section 3.2.
"""

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from vaejax.distributions import Normal, normal_latent, sum_events
from vaejax.nn.autoregressive import ShiftFlowPair
from vaejax.nn.residual_cell import Operation, ResidualCell
from vaejax.nn.weight_norm import WeightNormConv
from vaejax.types import Array, Latent


class EncoderGroup(nn.Module):
    """The cells of the bottom-up path between two latent groups."""

    features: int
    num_cells: int
    operations: tuple[Operation, ...]
    squeeze_excite: bool

    def setup(self):
        self.cell = [
            ResidualCell(self.features, self.operations, squeeze_excite=self.squeeze_excite)
            for _ in range(self.num_cells)
        ]

    def __call__(self, x: Array, train: bool) -> Array:
        """[B, h, w, features] -> the same."""
        for cell in self.cell:
            x = cell(x, train)
        return x


class GroupInputs(NamedTuple):
    """What a group on the top-down path is given; all [B, h, w, ...].

    Attributes:
        noise: standard normal, for a draw of the posterior or, without features, of the prior.
        features: of the image from the bottom-up path; None generates.
        code: replaces the draw where `given`, when generating.
        given: whether there is a code, a bool.
    """

    noise: Array
    features: Array | None = None
    code: Array | None = None
    given: Array | None = None


class TopGroup(nn.Module):
    """The first latent group: a fixed prior, and a posterior from the image alone.

    Attributes:
        latent_channels: of the group's codes.
        features: channels of the top-down path.
        num_flows: pairs of autoregressive flows in the posterior.
        nvae_compat: the prior's standard deviation is 1.01, as in the official code, instead of 1.
    """

    latent_channels: int
    features: int
    num_flows: int
    nvae_compat: bool

    def setup(self):
        self.posterior = WeightNormConv(2 * self.latent_channels, 3)
        self.flow = [ShiftFlowPair() for _ in range(self.num_flows)]
        self.combine = WeightNormConv(self.features, 1)

    def __call__(self, x: Array, inputs: GroupInputs, train: bool) -> tuple[Array, Latent | None]:
        """Draw this group's codes and add them to the top-down path.

        Args:
            x: state of the top-down path, [B, h, w, C].
            inputs: of this group.
            train: whether batch normalisation takes the batch's statistics; there is none here.

        Returns:
            The new state, and the latent where there are features to infer it from.
        """
        del train
        zeros = jnp.zeros_like(inputs.noise)
        prior = Normal.soft_clamped(zeros, zeros) if self.nvae_compat else Normal.standard(zeros)
        if inputs.features is None:
            return self._generate(x, prior, inputs)
        posterior = Normal.soft_clamped(*_halves(self.posterior(inputs.features)))
        return self._infer(x, prior, posterior, inputs.noise)

    def _infer(self, x: Array, prior: Normal, posterior: Normal, noise: Array):
        z = posterior.at(noise)
        if not self.num_flows:
            return self._extend(x, z), normal_latent(z, posterior, prior)
        log_q = posterior.log_prob(z)  # the flows preserve volume
        for flow in self.flow:
            z = flow(z)
        log_p = prior.log_prob(z)
        latent = Latent(z, posterior, prior, sum_events(log_q), sum_events(log_p), log_q - log_p)
        return self._extend(x, z), latent

    def _generate(self, x: Array, prior: Normal, inputs: GroupInputs):
        z = jnp.where(inputs.given, inputs.code, prior.at(inputs.noise))
        return self._extend(x, z), None

    def _extend(self, x: Array, z: Array) -> Array:
        return self.combine(jnp.concatenate([x, z.astype(x.dtype)], -1))


class Group(TopGroup):
    """A latent group further down: its prior comes from the groups above it.

    Attributes:
        encoder_features: channels of the bottom-up path.
        num_cells: before the group's codes.
        operations: of these cells.
        squeeze_excite: whether these cells gate their channels.
        residual_posterior: the posterior's parameters are relative to the prior's.
    """

    encoder_features: int
    num_cells: int
    operations: tuple[Operation, ...]
    squeeze_excite: bool
    residual_posterior: bool

    def setup(self):
        super().setup()
        self.cell = [
            ResidualCell(self.features, self.operations, squeeze_excite=self.squeeze_excite)
            for _ in range(self.num_cells)
        ]
        self.prior = WeightNormConv(2 * self.latent_channels, 1)
        self.merge = WeightNormConv(self.encoder_features, 1)

    def __call__(self, x: Array, inputs: GroupInputs, train: bool) -> tuple[Array, Latent | None]:
        """As `TopGroup`, with a state `x` to start from."""
        for cell in self.cell:
            x = cell(x, train)
        mean, log_scale = _halves(self.prior(jax.nn.elu(x)))
        prior = Normal.soft_clamped(mean, log_scale)
        if inputs.features is None:
            return self._generate(x, prior, inputs)
        shift, log_ratio = _halves(self.posterior(inputs.features + self.merge(x)))
        if self.residual_posterior:  # Eq. 7: the sums are clamped, not their terms
            shift, log_ratio = mean + shift, log_scale + log_ratio
        return self._infer(x, prior, Normal.soft_clamped(shift, log_ratio), inputs.noise)


def _halves(parameters: Array) -> tuple[Array, Array]:
    """[B, h, w, 2L] -> mean and log-scale [B, h, w, L], in float32 at least."""
    parameters = parameters.astype(jnp.promote_types(parameters.dtype, jnp.float32))
    mean, log_scale = jnp.split(parameters, 2, axis=-1)
    return mean, log_scale
