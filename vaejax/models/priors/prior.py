"""What a prior is to a model: a density of codes that can be drawn from noise.

One without parameters is any hashable object, one with parameters a flax module.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol

import flax.linen as nn

from vaejax.distributions import (
    Normal,
    estimated_latent,
    normal_latent,
    sum_events,
    sum_positions,
)
from vaejax.models.posteriors import Drawn, Posterior
from vaejax.types import Array, Latent


class Context(NamedTuple):
    """What a prior may look at.

    Attributes:
        above: codes of the groups above, top first; none for the top group.
        posterior: from images [n, H, W, C] to q(z | x) of this group; it raises a ValueError where
            that is no Gaussian.
    """

    above: tuple[Array, ...] = ()
    posterior: Callable[[Array], Normal] | None = None


class Prior(Protocol):
    """p(z) of a group of codes [B, ..., D].

    One that is no Gaussian may have a method `log_prob_terms(z, context)`, [B, D], whose sum is
    `log_prob`: what each latent adds to it, for free bits. One that depends on the groups above
    says so by an attribute `looks_above`, True.
    """

    def log_prob(self, z: Array, context: Context) -> Array:
        """log p(z), [B], nats."""

    def from_noise(self, noise: Array, context: Context, temperature: float | Array) -> Array:
        """Codes from standard normal noise [B, ...], whose reach `temperature` multiplies."""

    def to_noise(self, z: Array, context: Context) -> Array | None:
        """The noise that `from_noise` makes codes of at temperature 1; None where none is known."""

    def normal(self, z: Array) -> Normal | None:
        """The Gaussian in the shape of `z` that the prior is; None for any other."""


def parts_of_posterior(prior: Prior, posterior: Posterior, *parts: str) -> tuple[str, ...]:
    """The parameters of q, if it is known that the prior does not look at them; else none.

    A prior says so by an attribute `looks_at_posterior`, False.

    Args:
        prior: of the model.
        posterior: of the model, whose own parameters are under that name.
        *parts: of the networks that infer.
    """
    if getattr(prior, "looks_at_posterior", True):
        return ()
    return (*parts, "posterior") if isinstance(posterior, nn.Module) else parts


def latent_under(prior: Prior, drawn: Drawn, context: Context) -> Latent:
    """The `Latent` of codes of a posterior under a prior.

    `kl` is in closed form where both are Gaussian, else log q - log p of the codes, with its terms
    where those of both are known.
    """
    z, gaussian = drawn.z, prior.normal(drawn.z)
    if gaussian is not None:
        return latent_under_normal(gaussian, drawn)
    log_q = sum_events(drawn.log_q)
    if not hasattr(prior, "log_prob_terms"):
        return estimated_latent(z, log_q, prior.log_prob(z, context), drawn.normal)
    terms = prior.log_prob_terms(z, context)  # [B, D]
    kl_terms = sum_positions(drawn.log_q) - terms
    return estimated_latent(z, log_q, terms.sum(-1), drawn.normal, kl_terms)


def latent_under_normal(prior: Normal, drawn: Drawn) -> Latent:
    """As `latent_under`, of a prior that is this Gaussian."""
    if drawn.normal is not None:
        return normal_latent(drawn.z, drawn.normal, prior)
    log_p = prior.log_prob(drawn.z)
    kl_terms = sum_positions(drawn.log_q - log_p)
    return estimated_latent(drawn.z, sum_events(drawn.log_q), sum_events(log_p), kl_terms=kl_terms)
