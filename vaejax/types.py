"""The vocabulary of vaejax: what a batch holds, what a model returns, what an objective is.

Legend of the shape letters used in every docstring and shape comment:

    B batch, H W C image height, width, channels, D code size, F factors,
    N examples, G latent groups, K importance samples, M mixture components.

Images are NHWC. Log-probabilities and KL divergences are in nats, summed over event dimensions,
one value per example ([B]), until the last line of an objective takes the mean over the batch.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import jax
import numpy as np

Array = jax.Array
AnyArray = jax.Array | np.ndarray
"""An array of JAX, traced or not, or of NumPy: what metrics and data take and give."""

Batch = Mapping[str, Any]
"""Examples, with all that is known of them; every array has the first axis B.

`image` [B, H, W, C] and, where there are such: `index` [B] (place in the data set), `position` [B]
(place in the global batch; a training step fills it in), `mask` [B] (1 real, 0 padding), `label`
[B], `factors` [B, F], `noise` (a `Noise`, in place of what an objective draws)."""

Noise = Mapping[str, Any]
"""What is random in a model's pass, by its use; every array has the first axis B.

`latent` (a tuple, one array of standard normal noise per group, top first), `pixels` (a key [B] or
whatever a decoder draws images from), `dequantise`, `dropout`; `key` [B], one key per example, for
a model that draws inside."""

Params = Mapping[str, Any]
"""Trainable parameters by player: `{"model": ...}`, or `{"model": ..., "discriminator": ...}`."""

ModelState = Mapping[str, Any]
"""What training carries but gradients do not touch, by flax collection (`batch_stats`, ...)."""

Metrics = dict[str, Any]
"""Named scalars or short vectors; `Objective.units` gives the unit of each that has one.

In an evaluation one entry may be a mapping, `PER_EXAMPLE`, of which intervals are made: under the
name of a metric the values [B], over the global batch, that it is the mean of.
"""

PER_EXAMPLE = "per_example"

Schedule = Callable[[Array], Array]
"""A number as a function of the training step."""

Codes = Sequence[Array | None]
"""Codes of every latent group [B, ...], top first; None for a group that is to be drawn."""

Temperature = float | Sequence[float]
"""How far noise reaches: one number for all of it, or one per entry, top group first."""


class Distribution(Protocol):
    """A distribution over images or codes; all arrays have the shape of the event, [B, ...]."""

    def log_prob(self, value: Array, /) -> Array:
        """Elementwise log-density or log-mass, nats."""

    def mean(self) -> Array:
        """The expected value."""

    def sample(self, rng: Array, /) -> Array:
        """One draw."""

    def with_temperature(self, temperature: float | Array, /) -> "Distribution":
        """Sharper (below 1) or broader: logits / temperature, scales * temperature."""


class Gaussian(Protocol):
    """A Gaussian of independent coordinates, in the shape of `z`."""

    @property
    def loc(self) -> Array:
        """Its mean."""

    @property
    def scale(self) -> Array:
        """Its standard deviation."""

    def log_prob(self, value: Array, /) -> Array:
        """Elementwise log-density, nats."""


class Latent(NamedTuple):
    """One group of latent variables, as the model drew it for a batch.

    Attributes:
        z: the sample, [B, D] or [B, H, W, D]; where it is no vector of numbers (a category), what
            scores are to look at (its probabilities).
        log_q: log q(z | x, groups above), [B], nats.
        log_p: log p(z | groups above), [B], nats.
        kl: KL(q || p), [B], nats; in closed form where there is one, else log q - log p.
        kl_dims: the same by the last axis of `z`, [B, D], summed over positions; None where the KL
            does not come apart so.
        kl_terms: the terms of the chain rule that add up to `kl`, [B, D], where they differ from
            `kl_dims` (after flows); for free bits.
        posterior: q(z | x, groups above) of `z` itself; None where it is no Gaussian.
    """

    z: Array
    log_q: Array
    log_p: Array
    kl: Array
    kl_dims: Array | None = None
    kl_terms: Array | None = None
    posterior: Gaussian | None = None


class VAEOutput(NamedTuple):
    """What every model returns for a batch of images.

    Attributes:
        log_px: log p(x | z), [B], nats per image.
        latents: the latent groups, top first; empty for a model without latent variables.
    """

    log_px: Array
    latents: tuple[Latent, ...] = ()

    @property
    def log_weight(self) -> Array:
        """log p(x, z) - log q(z | x), [B], nats; log p(x) itself where there are no latents."""
        return self.log_px + sum(latent.log_p - latent.log_q for latent in self.latents)


class Init(Protocol):
    """How a run begins."""

    def __call__(self, rng: Array, batch: Batch, /) -> tuple[Params, ModelState]:
        """Parameters and state.

        Args:
            rng: key.
            batch: a whole training batch with all that it holds, at which initialisation may look.
        """


class Loss(Protocol):
    """What is minimised."""

    def __call__(
        self,
        params: Params,
        model_state: ModelState,
        batch: Batch,
        rng: Array,
        step: Array,
        train: bool,
        /,
    ) -> tuple[Array, tuple[Metrics, ModelState]]:
        """A scalar, and the metrics and the state after it.

        Args:
            params: of all players. Several make one game: their losses are summed, each with
                `stop_gradient` on the others' parameters.
            model_state: before the step.
            batch: `position` is there. The noise of an example is a function of `rng` and its
                position in training, of `rng` and its index in evaluations.
            rng: key of the step; the same in every evaluation.
            step: number of the step, from 0.
            train: whether to train; else the state is returned as it is, and `mask` counts.
        """


class Views(NamedTuple):
    """What can be looked at, for everything that is not training; None where there is no such.

    All are pure functions of the parameters of ALL players. Noise is a tuple of arrays with first
    axis n, whatever their law (a class label is one of them); codes are one array per latent group.
    There is one key per image, so that what is not traversed stays the same along a row. Images are
    the means of p(x | z) where it has one in closed form.

    Attributes:
        noise: `(keys [n]) -> noise` that images are made of.
        from_noise: `(params, model_state, noise, temperature, draw=False) -> images`; `draw` draws
            them from p(x | z).
        to_noise: `(params, model_state, batch) -> noise` that `from_noise` makes the batch of.
        path: `(noise, noise, num_steps) -> noise` with axes [n, T] between two, ends included.
        encode: `(params, model_state, batch, noise=None) -> tuple[Latent, ...]`: means without
            noise, draws with it.
        decode: `(params, model_state, codes, keys [n], temperature) -> images`; groups that are
            None are drawn from the key of their image.
        prior_codes: `(params, model_state, noise) -> codes` of the prior.
        log_weight: `(params, model_state, batch, noise) -> [n]`, log p(x, z) - log q(z | x), nats;
            log p(x) exactly without latents.
        complete: `(params, model_state, batch, known [n, H, W], noise, temperature) -> images`, the
            batch's where `known` is 1, the other pixels drawn given those.
        adapt: `(params, model_state, noise, temperature) -> model_state` after one more batch of
            samples: the batch statistics of samples.
        num_dims: pixels times channels that `log_weight` counts; None counts all of an image's.
    """

    noise: Callable[[Array], tuple[Array, ...]] | None = None
    from_noise: Callable[..., Array] | None = None
    to_noise: Callable[[Params, ModelState, Batch], tuple[Array, ...]] | None = None
    path: Callable[[tuple[Array, ...], tuple[Array, ...], int], tuple[Array, ...]] | None = None
    encode: Callable[..., tuple[Latent, ...]] | None = None
    decode: Callable[..., Array] | None = None
    prior_codes: Callable[[Params, ModelState, tuple[Array, ...]], Codes] | None = None
    log_weight: Callable[[Params, ModelState, Batch, tuple[Array, ...]], Array] | None = None
    complete: Callable[..., Array] | None = None
    adapt: Callable[..., ModelState] | None = None
    num_dims: int | None = None


class Objective(NamedTuple):
    """A trio of pure functions: how a run begins, what it minimises, what can be looked at.

    Attributes:
        init: see `Init`.
        loss: see `Loss`.
        views: see `Views`.
        units: unit of metrics by name, where the name does not say it, as pairs.
    """

    init: Init
    loss: Loss
    views: Views = Views()
    units: tuple[tuple[str, str], ...] = ()
