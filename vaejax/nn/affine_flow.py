"""An affine autoregressive flow, of vectors and of grids.

    noise_i = (z_i - shift_i) exp(-log_scale_i),  shift_i, log_scale_i from z_1 .. z_i-1

From z to noise all coordinates are computed at once, from noise to z one after another. Of several
steps every other one has the reverse order. It is the identity at first.

References:
    Kingma et al., Improving variational inference with inverse autoregressive flow, 2016.
    Papamakarios, Pavlakou & Murray, Masked autoregressive flow for density estimation, 2017.
"""

import math
from typing import Any, cast

import flax.linen as nn
import jax.numpy as jnp
import numpy as np

from vaejax.core.checks import check_counts
from vaejax.distributions import soft_clamp
from vaejax.nn.in_order import solved_in_order
from vaejax.nn.made import MADE, GridMADE
from vaejax.types import Array

MAX_LOG_SCALE = 3.0  # of one step: no coordinate is scaled by more than 20


class AffineStep(nn.Module):
    """One step: shifts and bounded log-scales in the shape of z.

    Attributes:
        hidden: widths of the hidden layers; see `vaejax.nn.made`.
        reverse: the order of coordinates.
    """

    hidden: tuple[int, ...]
    reverse: bool

    @nn.compact
    def __call__(self, z: Array, context: Array | None) -> tuple[Array, Array]:
        network = (MADE if z.ndim == 2 else GridMADE)(self.hidden, name="network")
        if not self.reverse:
            shift, log_scale = network(z, context)
        else:
            event = tuple(range(1, z.ndim))
            if context is not None:
                context = jnp.flip(context, event[:-1])  # over the places of a grid
            found = network(jnp.flip(z, event), context)
            shift, log_scale = (jnp.flip(x, event) for x in found)
        return shift, soft_clamp(log_scale, MAX_LOG_SCALE)

    def rank(self, shape: tuple[int, ...]) -> np.ndarray:
        """The place in the order of every coordinate of one z, [...]."""
        rank = np.arange(math.prod(shape)).reshape(shape)
        return rank.max() - rank if self.reverse else rank


class AffineFlow(nn.Module):
    """Several steps, between codes and noise.

    Attributes:
        num_flows: steps.
        hidden: widths of the hidden layers of every step: units for vectors, channels for grids,
            there multiples of those of the codes.
    """

    num_flows: int
    hidden: tuple[int, ...]

    def setup(self):
        self.step = [AffineStep(self.hidden, number % 2 == 1) for number in range(self.num_flows)]

    def __call__(self, z: Array, context: Array | None = None) -> tuple[Array, Array]:
        """The noise of codes, and by how much each coordinate was scaled down on the way.

        Args:
            z: [B, D] or [B, H, W, C].
            context: [B, E] or [B, H, W, E].

        Returns:
            The noise and log-scales in the shape of z; log |det d noise / dz| is minus the sum of
            the latter.
        """
        total = jnp.zeros_like(z)
        for step in self.step:
            shift, log_scale = step(z, context)
            z = (z - shift) * jnp.exp(-log_scale)
            total += log_scale
        return z, total

    def inverse(self, noise: Array, context: Array | None = None) -> Array:
        """The codes of noise, in the same shape; there must be parameters already."""
        z = noise
        for bound in reversed(self.step):
            step, variables = bound.unbind()  # pure, for the loop
            z = _inverted(step, variables, z, context)
        return z


def _inverted(step: AffineStep, variables: Any, noise: Array, context: Array | None) -> Array:
    def update(z: Array, variables: Any, noise: Array, context: Array | None) -> Array:
        shift, log_scale = cast(tuple[Array, Array], step.apply(variables, z, context))
        return shift + jnp.exp(log_scale) * noise

    rank = step.rank(noise.shape[1:])
    return solved_in_order(update, noise, rank, variables, noise, context)


def check_flow(num_flows: int, hidden: tuple[int, ...]) -> None:
    """Raise ValueError unless there are so many steps of such hidden layers."""
    check_counts(num_flows=(num_flows, 1))
    if not hidden or min(hidden) < 1:
        raise ValueError(f"hidden: expected one or more widths >= 1, got {hidden}")
