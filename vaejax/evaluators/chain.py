"""Which groups of latents look at the image, and which at other groups only.

Of q(z | x) q(y | z) z alone looks at the image; of q(y | x) q(z | y, x), as in NVAE, all do, and y,
the top, looks at nothing else. Views do not say which it is, so some images are asked: a posterior
that other noise leaves as it was is one of the image alone, and the other groups see the image
through those if, at the same codes, another image leaves their posteriors as they were.
"""

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple, cast

import jax
import jax.numpy as jnp

from vaejax.distributions import Normal
from vaejax.evaluators.context import Context, pick_split
from vaejax.nn.noise import example_keys
from vaejax.objectives.views import need
from vaejax.types import Array, Batch, Gaussian, Latent, ModelState, Params

ALIKE = 1e-3  # standard deviations by which posteriors given the same may differ, by rounding


class Chain(NamedTuple):
    """Which groups look at the image.

    Attributes:
        alone: groups whose posterior is a Gaussian of the image alone, top first.
        whole: whether all others see the image through these only.
    """

    alone: tuple[int, ...]
    whole: bool


def check_gaussian(context: Context, who: str, split: str) -> None:
    """Raise ValueError unless some group has a Gaussian posterior; nothing is computed.

    Args:
        context: of the run.
        who: needs it, for the message.
        split: name of a split of the data set.
    """
    objective = context.objective
    encode = need(objective.views, "encode", who)

    def means(rng: Array, batch: Batch) -> list[Array]:
        latents = encode(*objective.init(rng, batch), batch)
        return [latent.posterior.loc for latent in latents if latent.posterior is not None]

    batch = pick_split(context.splits, split).abstract_batch(context.mesh.size)
    if not jax.eval_shape(means, jax.random.key(0), batch):
        raise ValueError(f"{who}: expected a model with a Gaussian posterior, got another")


def chain_of(
    noise_of: Callable[[Array], tuple[Array, ...]],
    encode: Callable[..., tuple[Latent, ...]],
    params: Params,
    model_state: ModelState,
    batch: Batch,
    rng: Array,
) -> Chain:
    """What a model's groups look at, as some images tell.

    Args:
        noise_of: the view `noise`.
        encode: the view `encode`.
        params: of all players.
        model_state: as it is.
        batch: of some images that differ.
        rng: key.
    """
    places = jnp.arange(len(batch["image"]))
    noises = [noise_of(example_keys(key, places)) for key in jax.random.split(rng)]
    latents_of = functools.partial(_compiled(encode), params, model_state)
    latents, others = (latents_of(batch, noise) for noise in noises)
    alone = tuple(
        group
        for group, (one, other) in enumerate(zip(latents, others, strict=True))
        if _alike(one.posterior, other.posterior, 1e-6)
    )
    if 0 < len(alone) < len(latents):
        return Chain(alone, _through(alone, latents_of, batch, noises[0], latents))
    return Chain(alone, len(alone) > 0)


def _through(
    alone: Sequence[int],
    latents_of: Callable[[Batch, tuple[Array, ...]], tuple[Latent, ...]],
    batch: Batch,
    noise: tuple[Array, ...],
    latents: tuple[Latent, ...],
) -> bool:
    """Whether the image next to each leaves the posteriors of the other groups as they were.

    Args:
        alone: groups of the image alone, which are to have the same codes for both images.
        latents_of: from a batch and noise.
        batch: the images.
        noise: by group, then what else the model draws.
        latents: of `batch` with `noise`.
    """
    turned = jax.tree.map(lambda x: jnp.roll(x, 1, axis=0), dict(batch))
    there, same = latents_of(turned, noise), list(noise)
    for group in alone:
        z, posterior = latents[group].z, cast(Gaussian, there[group].posterior)
        if noise[group].shape != z.shape:
            return False  # there is no noise that makes it the same
        same[group] = (z - posterior.loc) / posterior.scale
    again = latents_of(turned, tuple(same))
    for group, (one, other) in enumerate(zip(latents, again, strict=True)):
        if group in alone:
            scale = cast(Gaussian, one.posterior).scale
            if (jnp.abs(one.z - other.z) > ALIKE * scale).any():
                return False  # nor did this
        elif not _alike(one.posterior, other.posterior, ALIKE):
            return False
    return True


def _alike(one: Gaussian | None, other: Gaussian | None, tolerance: float) -> bool:
    """Whether two are Gaussians that differ by less than so many standard deviations."""
    if one is None or other is None:
        return False
    shift = jnp.abs(one.loc - other.loc) / one.scale
    ratio = jnp.abs(jnp.log(one.scale / other.scale))
    return bool((jnp.maximum(shift, ratio) <= tolerance).all())


@functools.lru_cache(maxsize=8)
def _compiled(encode: Callable[..., tuple[Latent, ...]]) -> Callable[..., tuple[Latent, ...]]:
    """The view, compiled; posteriors are `Normal`."""

    @jax.jit
    def latents_of(
        params: Params, model_state: ModelState, batch: Batch, noise: tuple[Array, ...]
    ) -> tuple[Latent, ...]:
        return tuple(
            latent._replace(posterior=Normal(latent.posterior.loc, latent.posterior.scale))
            if latent.posterior is not None
            else latent
            for latent in encode(params, model_state, batch, noise)
        )

    return latents_of
