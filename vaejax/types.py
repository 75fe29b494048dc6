"""The vocabulary of vaejax: what a model returns, what an objective is, what a batch holds.

Legend of the shape letters used in every docstring and shape comment:

    B batch, H W C image height, width, channels, D code size, F factors,
    N examples, G latent groups, K importance samples, M mixture components.

Images are NHWC. Log-probabilities and KL divergences are in nats, summed over event dimensions,
one value per example ([B]), until the last line of an objective takes the mean over the batch.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import jax

Array = jax.Array
Batch = Mapping[str, Any]
"""`image` [B, H, W, C] and, where there is one, `mask` [B] (1 real, 0 padding), `noise` (one array
per latent group, replaces the model's own draws), `index` [B] (position in the data set)."""

Params = Mapping[str, Any]
"""Trainable parameters by player: `{"model": ...}`, or `{"model": ..., "discriminator": ...}`."""

ModelState = Mapping[str, Any]
"""What training carries but gradients do not touch, by flax collection (`batch_stats`, ...)."""

Metrics = dict[str, Any]
"""Named scalars (or short vectors) in nats per image; a name in another unit says so.

In an evaluation one entry may be a mapping, `PER_EXAMPLE`, of which intervals are made: under the
name of a metric the values [B], over the global batch, that it is the mean of, and `mask` [B].
"""

PER_EXAMPLE = "per_example"

Schedule = Callable[[Array], Array]
"""A number as a function of the training step."""


class Distribution(Protocol):
    """A distribution over images or codes; all arrays have the shape of the event, [B, ...]."""

    def log_prob(self, value: Array) -> Array:
        """Elementwise log-density or log-mass, nats."""

    def mean(self) -> Array:
        """The expected value."""

    def sample(self, rng: Array) -> Array:
        """One draw."""


class Latent(NamedTuple):
    """One group of latent variables, as the model drew it for a batch.

    Attributes:
        z: the sample, [B, D] or [B, H, W, C].
        posterior: q(z | x, groups above), elementwise parameters in the shape of `z`.
        prior: p(z | groups above), broadcastable to `z`.
        log_q: log q(z | x), [B], nats.
        log_p: log p(z), [B], nats.
        kl: elementwise KL(q || p) in the shape of `z`, nats; the analytic form where there is one,
            else the single-sample estimate log q - log p.
    """

    z: Array
    posterior: Distribution
    prior: Distribution
    log_q: Array
    log_p: Array
    kl: Array


class VAEOutput(NamedTuple):
    """What every model returns for a batch of images.

    Attributes:
        log_px: log p(x | z), [B], nats per image.
        latents: the latent groups, top first; empty for a model without latent variables.
        likelihood: p(x | z) itself.
    """

    log_px: Array
    latents: tuple[Latent, ...]
    likelihood: Distribution


class Objective(NamedTuple):
    """A pair of pure functions, as an optax optimiser is.

    Attributes:
        init: `(rng, batch) -> (params, model_state)`.
        loss: `(params, model_state, batch, rng, step, train) -> (loss, (metrics, model_state))`.
            `loss` is a scalar to minimise. Several players make one game: their losses are summed,
            each with `stop_gradient` on the others' parameters.
    """

    init: Callable[[Array, Batch], tuple[Params, ModelState]]
    loss: Callable[..., tuple[Array, tuple[Metrics, ModelState]]]
