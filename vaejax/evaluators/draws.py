"""Codes drawn from the posteriors of a split, and what the model says of them."""

import functools
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np

from vaejax.core.mesh import batch_sharding, check_batch_size
from vaejax.core.randomness import stream
from vaejax.data import eval_batches
from vaejax.distributions import normal_entropy, sum_events
from vaejax.evaluators.chain import Chain, chain_of
from vaejax.evaluators.context import Context, pick_split, some_examples
from vaejax.metrics import Draws
from vaejax.nn.noise import example_keys, part_keys
from vaejax.objectives.views import need
from vaejax.training.state import TrainState
from vaejax.types import Array, Batch, Gaussian, Latent, ModelState, Params

NUM_ASKED = 16  # images that tell which groups look at them


class Readings(NamedTuple):
    """The terms of the bound for S draws of N images, [S, N] nats each.

    Attributes:
        log_px: log p(x | z).
        negative_energy: log p(x, z), as statistical physics calls it.
        entropy: of the posterior given the draws that it looks at; -log q where it is no Gaussian.
    """

    log_px: Any
    negative_energy: Any
    entropy: Any


class Drawn(NamedTuple):
    """What S draws of N images say; arrays of JAX in the making, then of NumPy.

    Attributes:
        kl: of every group, top first, [S, N, G] nats.
        kl_dims: the same by the last axis of each group's codes, averaged over draws, [1, N, D]
            nats; None where the KL does not come apart so.
        means: of the posteriors of groups of vectors [S, N, D], given draws of the groups that they
            look at; None of other groups.
        draws: of what looks at the image alone, for `metrics.elbo_surgery`; None if nothing does.
        readings: None where they were not asked for.
    """

    kl: Any
    kl_dims: tuple[Any, ...]
    means: tuple[Any, ...]
    draws: Draws | None
    readings: Readings | None


class Drawing(NamedTuple):
    """Draws of the codes of a split, for any state of a run.

    Attributes:
        draw: from a state to which groups look at the image, and all draws.
        num_images: N.
    """

    draw: Callable[[TrainState], tuple[Chain, Drawn]]
    num_images: int


def drawing(
    context: Context,
    who: str,
    *,
    split: str,
    batch_size: int,
    num_examples: int | None,
    num_samples: int,
    readings: bool = False,
) -> Drawing:
    """Draws from the posteriors of a split.

    Noise depends on an example's index and a draw's number alone, so neither batches nor devices
    change a number.

    Args:
        context: of the run; its objective has the views `noise` and `encode`, and for readings
            `log_weight`.
        who: needs the draws, for messages.
        split: name of a split of the data set.
        batch_size: images per batch over all devices.
        num_examples: N, how many examples to use, always the same random ones; None uses all.
        num_samples: S >= 2.
        readings: whether to look at the likelihood too.
    """
    check_batch_size(context.mesh.size, batch_size)
    for name, value in (("num_samples", num_samples), ("num_examples", num_examples)):
        if value is not None and value < 2:
            raise ValueError(f"{name}: expected at least 2, got {value}")
    views = context.objective.views
    parts = (
        need(views, "noise", who),
        need(views, "encode", who),
        need(views, "log_weight", who) if readings else None,
    )
    source = pick_split(context.splits, split)
    source = source if num_examples is None else some_examples(source, num_examples)
    if len(source) < 2:
        raise ValueError(f"split: expected at least 2 images in {split!r}, got {len(source)}")
    rng, sharding = stream(context.seed, "draws"), batch_sharding(context.mesh)

    def draw(state: TrainState) -> tuple[Chain, Drawn]:
        variables = state.ema_params, state.model_state
        some = source.batch(np.arange(min(len(source), NUM_ASKED)))
        chain = chain_of(*parts[:2], *variables, some, rng)
        step, found = _step(*parts, chain, num_samples), []
        for batch in eval_batches(source, batch_size, sharding=sharding):
            (real,) = np.nonzero(np.asarray(batch["mask"]))
            some_draws = jax.device_get(step(*variables, batch, rng))
            found.append(jax.tree.map(functools.partial(np.take, indices=real, axis=1), some_draws))
        drawn: Drawn = jax.tree.map(lambda *arrays: np.concatenate(arrays, axis=1), *found)
        if drawn.draws is not None:  # the posteriors are the same for all draws
            means, log_vars, *rest = drawn.draws
            drawn = drawn._replace(draws=Draws(means[0], log_vars[0], *rest))
        return chain, drawn

    return Drawing(draw, len(source))


@functools.lru_cache(maxsize=8)
def _step(
    noise_of: Callable[[Array], tuple[Array, ...]],
    encode: Callable[..., tuple[Latent, ...]],
    log_weight: Callable[..., Array] | None,
    chain: Chain,
    num_samples: int,
) -> Callable[[Params, ModelState, Batch, Array], Drawn]:
    """The draws of a batch, compiled once for all runs that share views; every leaf [S, B, ...]."""

    @jax.jit
    def step(params: Params, model_state: ModelState, batch: Batch, rng: Array) -> Drawn:
        keys = example_keys(rng, batch["index"])

        def one(sample: Array) -> Drawn:
            noise = noise_of(part_keys(keys, sample))
            latents = encode(params, model_state, batch, noise)
            readings = None
            if log_weight is not None:
                readings = _readings(latents, log_weight(params, model_state, batch, noise))
            return Drawn(
                kl=jnp.stack([latent.kl for latent in latents], axis=-1),
                kl_dims=tuple(latent.kl_dims for latent in latents),
                means=tuple(
                    latent.posterior.loc
                    if latent.z.ndim == 2 and latent.posterior is not None
                    else None
                    for latent in latents
                ),
                draws=_draws(latents, chain),
                readings=readings,
            )

        drawn = jax.lax.map(one, jnp.arange(num_samples))
        averaged = jax.tree.map(lambda x: x.mean(0, keepdims=True), drawn.kl_dims)
        return drawn._replace(kl_dims=averaged)

    return step


def _readings(latents: tuple[Latent, ...], log_weight: Array) -> Readings:
    """The terms of the bound, [B], from log p(x, z) - log q(z | x) of the same draws."""
    nothing = jnp.zeros_like(log_weight)
    log_q = sum((latent.log_q for latent in latents), nothing)
    log_p = sum((latent.log_p for latent in latents), nothing)
    entropies = (
        sum_events(normal_entropy(latent.posterior.scale))
        if latent.posterior is not None
        else -latent.log_q
        for latent in latents
    )
    return Readings(log_weight + log_q - log_p, log_weight + log_q, sum(entropies, nothing))


def _draws(latents: tuple[Latent, ...], chain: Chain) -> Draws | None:
    """What looks at the image alone as one vector [B, D]; the others count in its prior.

    Where others look at the image too, it is the top group's, whose prior looks at nothing.
    """
    groups = chain.alone if chain.whole else tuple(g for g in chain.alone if g == 0)
    chosen = [latents[group] for group in groups]
    counted = latents if chain.whole else chosen
    rest = [latent for g, latent in enumerate(latents) if chain.whole and g not in groups]
    if not chosen:
        return None

    def flat(arrays: Iterable[Array]) -> Array:
        return jnp.concatenate([x.reshape(x.shape[0], -1) for x in arrays], axis=1)

    posteriors = [cast(Gaussian, latent.posterior) for latent in chosen]
    nothing = jnp.zeros_like(latents[0].kl)
    log_p = sum((latent.log_p for latent in counted), nothing)
    return Draws(
        means=flat(q.loc for q in posteriors),
        log_vars=flat(2.0 * jnp.log(q.scale) for q in posteriors),
        z=flat(latent.z for latent in chosen),
        log_p=log_p - sum((latent.log_q for latent in rest), nothing),
        kl=sum((latent.kl for latent in counted), nothing),
    )
