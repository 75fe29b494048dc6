"""One latent group of NVAE on its way up (features of the image) and down (prior and posterior).

Reference: Vahdat & Kautz, NVAE, 2020, figure 2; residual Normal distributions of section 3.2.
"""

from typing import Any, NamedTuple, cast

import flax.linen as nn
import jax
import jax.numpy as jnp

from vaejax.distributions import Normal
from vaejax.models.posteriors import Drawn
from vaejax.models.priors import Context, Prior, latent_under, latent_under_normal
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
        code: replaces the draw; when generating, only where `given`.
        given: whether there is a code, a bool.
    """

    noise: Array
    features: Array | None = None
    code: Array | None = None
    given: Array | None = None

    def code_or(self, drawn: Array) -> Array:
        """When generating: the code where it is `given`, else what was drawn."""
        return jnp.where(cast(Array, self.given), cast(Array, self.code), drawn)


class GroupOutput(NamedTuple):
    """What a group on the top-down path gives, besides the path's state; all [B, h, w, ...].

    Attributes:
        z: its codes.
        latent: of an image, None when generating.
        noise: of which the prior makes `z`; None when generating.
    """

    z: Array
    latent: Latent | None = None
    noise: Array | None = None


class TopGroup(nn.Module):
    """The first latent group: a prior of its own, and a posterior from the image alone.

    Attributes:
        latent_channels: of the group's codes.
        features: channels of the top-down path.
        num_flows: pairs of autoregressive flows in the posterior.
        top_prior: of the first group.
    """

    latent_channels: int
    features: int
    num_flows: int
    top_prior: Prior | None

    def setup(self):
        self.posterior = WeightNormConv(2 * self.latent_channels, 3)
        self.flow = [ShiftFlowPair() for _ in range(self.num_flows)]
        self.combine = WeightNormConv(self.features, 1)

    def __call__(self, x: Array, inputs: GroupInputs, train: bool) -> tuple[Array, GroupOutput]:
        """Draw this group's codes and add them to the top-down path.

        Args:
            x: state of the top-down path, [B, h, w, C].
            inputs: of this group.
            train: whether batch normalisation takes the batch's statistics; there is none here.

        Returns:
            The new state, and the codes; the latent too, where there are features to infer it from.
        """
        del train
        top_prior = cast(Prior, self.top_prior)  # None only further down
        if inputs.features is None:
            code = top_prior.from_noise(inputs.noise, Context(), 1.0)
            return self._extend(x, inputs.code_or(code))
        posterior = Normal.soft_clamped(*_halves(self.posterior(inputs.features)))
        drawn = self._drawn(posterior, inputs)
        latent = latent_under(top_prior, drawn, Context())
        return self._extend(x, drawn.z, latent, top_prior.to_noise(drawn.z, Context()))

    def _drawn(self, posterior: Normal, inputs: GroupInputs) -> Drawn:
        """Codes and their density."""
        if inputs.code is not None:
            if self.num_flows:
                raise ValueError("codes: expected a posterior without flows, which only draw")
            return Drawn(inputs.code, posterior.log_prob(inputs.code), posterior)
        z = posterior.at(inputs.noise)
        log_q = posterior.log_prob(z)  # the flows preserve volume
        for flow in self.flow:
            z = flow(z)
        return Drawn(z, log_q, None if self.num_flows else posterior)

    def _extend(self, x: Array, z: Array, *rest: Any) -> tuple[Array, GroupOutput]:
        x = self.combine(jnp.concatenate([x, z.astype(x.dtype)], -1))
        return x, GroupOutput(z, *rest)


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

    def __call__(self, x: Array, inputs: GroupInputs, train: bool) -> tuple[Array, GroupOutput]:
        """As `TopGroup`, with a state `x` to start from."""
        for cell in self.cell:
            x = cell(x, train)
        mean, log_scale = _halves(self.prior(jax.nn.elu(x)))
        prior = Normal.soft_clamped(mean, log_scale)
        if inputs.features is None:
            return self._extend(x, inputs.code_or(prior.at(inputs.noise)))
        shift, log_ratio = _halves(self.posterior(inputs.features + self.merge(x)))
        if self.residual_posterior:  # Eq. 7: the sums are clamped, not their terms
            shift, log_ratio = mean + shift, log_scale + log_ratio
        posterior = Normal.soft_clamped(shift, log_ratio)
        drawn = self._drawn(posterior, inputs)
        latent = latent_under_normal(prior, drawn)
        return self._extend(x, drawn.z, latent, prior.noise_of(drawn.z))


def _halves(parameters: Array) -> tuple[Array, Array]:
    """[B, h, w, 2L] -> mean and log-scale [B, h, w, L], in float32 at least."""
    parameters = parameters.astype(jnp.promote_types(parameters.dtype, jnp.float32))
    mean, log_scale = jnp.split(parameters, 2, axis=-1)
    return mean, log_scale
