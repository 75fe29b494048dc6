"""What a prior is to a model: a density of codes that can be drawn from noise.

One without parameters is any hashable object, one with parameters a flax module.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol

from vaejax.distributions import Normal, estimated_latent, normal_latent, sum_events
from vaejax.types import Array, Latent


class Context(NamedTuple):
    """What a prior may look at.

    Attributes:
        above: codes of the groups above, top first; none for the top group.
        posterior: from images [n, H, W, C] to q(z | x) of this group.
    """

    above: tuple[Array, ...] = ()
    posterior: Callable[[Array], Normal] | None = None


class Prior(Protocol):
    """p(z) of a group of codes [B, ...]."""

    def log_prob(self, z: Array, context: Context) -> Array:
        """log p(z), [B], nats."""

    def from_noise(self, noise: Array, context: Context, temperature: float | Array) -> Array:
        """Codes from standard normal noise [B, ...], whose reach `temperature` multiplies."""

    def to_noise(self, z: Array, context: Context) -> Array | None:
        """The noise that `from_noise` makes codes of at temperature 1; None where none is known."""

    def normal(self, z: Array) -> Normal | None:
        """The Gaussian in the shape of `z` that the prior is; None for any other."""


def parts_of_posterior(prior: Prior, *parts: str) -> tuple[str, ...]:
    """The parameters of q, if it is known that the prior does not look at them; else none.

    A prior says so by an attribute `looks_at_posterior`, False.
    """
    return () if getattr(prior, "looks_at_posterior", True) else parts


def latent_under(prior: Prior, z: Array, posterior: Normal, context: Context) -> Latent:
    """The `Latent` of a sample `z` [B, ..., D] of a Gaussian posterior under a prior.

    `kl` is in closed form where the prior is Gaussian, else log q - log p of the sample.
    """
    gaussian = prior.normal(z)
    if gaussian is not None:
        return normal_latent(z, posterior, gaussian)
    log_q = sum_events(posterior.log_prob(z))
    return estimated_latent(z, log_q, prior.log_prob(z, context), posterior)
