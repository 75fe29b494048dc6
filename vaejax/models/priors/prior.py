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
    `log_prob`: what each latent adds to it, for free bits.
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
    if gaussian is not None and drawn.normal is not None:
        return normal_latent(z, drawn.normal, gaussian)
    log_p, terms = _log_prob(prior, gaussian, z, context)
    return estimated_latent(
        z,
        sum_events(drawn.log_q),
        log_p,
        drawn.normal,
        None if terms is None else sum_positions(drawn.log_q) - terms,
    )


def _log_prob(
    prior: Prior, gaussian: Normal | None, z: Array, context: Context
) -> tuple[Array, Array | None]:
    """log p(z) [B], and its terms [B, D] where they are known."""
    if gaussian is not None:
        terms = sum_positions(gaussian.log_prob(z))
    elif hasattr(prior, "log_prob_terms"):
        terms = prior.log_prob_terms(z, context)
    else:
        return prior.log_prob(z, context), None
    return terms.sum(-1), terms
