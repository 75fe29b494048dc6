"""How many latents of every group of a model carry anything about the image.

Burda, Grosse & Salakhutdinov, Importance weighted autoencoders, 2016, section 5.2.
"""

import functools
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vaejax import metrics
from vaejax.core.checks import check_counts, check_number
from vaejax.core.mesh import batch_sharding, check_batch_size
from vaejax.core.randomness import stream
from vaejax.data import Subset, eval_batches
from vaejax.evaluators.context import (
    Context,
    Evaluator,
    pick_split,
    with_units,
)
from vaejax.evaluators.encoders import abstract_latents
from vaejax.nn.noise import example_keys, part_keys
from vaejax.objectives.views import need
from vaejax.training.state import TrainState
from vaejax.types import Array, Batch, ModelState, Params

WHO = "active_units"


def active_units(
    context: Context,
    *,
    split: str = "train",
    num_images: int = 500,
    num_samples: int = 1,
    min_variance: float = 0.01,
    batch_size: int = 256,
) -> Evaluator:
    """The latents whose posterior mean varies over images: Var_x E[z_i | x] > 0.01.

    The posterior of a group that depends on others is that given samples of them. With one sample,
    as published, what varies is the mean given it; the more samples, the closer to E[z_i | x]. In a
    hierarchy that is inferred from the top down, a group whose posterior is its prior counts as
    well, as its prior varies with the groups above.

    Args:
        context: of the run; its objective has the views `noise` and `encode`, of Gaussians.
        split: name of a split of the data set.
        num_images: the first so many images; the paper's are 500 of training.
        num_samples: of the groups that others depend on, per image.
        min_variance: of a unit that counts.
        batch_size: images per batch over all devices.

    Returns:
        An evaluator that yields `active_units`, of all groups; of every group, top first,
        `active_units/<group>`, `code_variances/<group>` and `code_means/<group>` [D]; and
        `num_images`.
    """
    check_counts(num_images=(num_images, 2), num_samples=(num_samples, 1))
    check_number("min_variance", min_variance, lambda v: v >= 0, "a number >= 0")
    check_batch_size(context.mesh.size, batch_size)
    source = pick_split(context.splits, split)
    source = Subset(source, np.arange(min(num_images, len(source))))
    views = context.objective.views
    noise, encode = need(views, "noise", WHO), need(views, "encode", WHO)
    latents = abstract_latents(context.objective, source.abstract_batch(batch_size), WHO)
    if not latents or any(latent.posterior is None for latent in latents):
        raise ValueError(f"{WHO}: expected a model with Gaussian posteriors, got another")
    means_of = _means(noise, encode, num_samples)
    rng = stream(context.seed, WHO)

    def evaluate(state: TrainState) -> Iterator[tuple[str, Any]]:
        found, sharding = [], batch_sharding(context.mesh)
        for batch in eval_batches(source, batch_size, sharding=sharding):
            real = np.asarray(batch["mask"]) > 0
            means = jax.device_get(means_of(state.ema_params, state.model_state, batch, rng))
            found.append([mean[real] for mean in means])
        groups = [np.concatenate(group) for group in zip(*found, strict=True)]
        scores = [scores_of(group, min_variance) for group in groups]
        yield "active_units", sum(int(score["active_units"]) for score in scores)
        for g, (score, group) in enumerate(zip(scores, groups, strict=True)):
            yield f"active_units/{g}", int(score["active_units"])
            yield f"code_variances/{g}", score["code_variances"]
            yield f"code_means/{g}", group.mean(0)
        yield "num_images", len(source)

    return with_units(evaluate, {})


def scores_of(means: np.ndarray, min_variance: float = 0.01) -> metrics.Scores:
    """`metrics.active_units` of posterior means [N, D], of as few images as are published."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "codes: .* points; scores of fewer than")
        return metrics.active_units(means, min_variance=min_variance)


@functools.lru_cache(maxsize=8)
def _means(
    noise: Callable[[Array], tuple[Array, ...]], encode: Callable[..., Any], num_samples: int
) -> Callable[[Params, ModelState, Batch, Array], list[Array]]:
    """Posterior means of every group, [B, D], averaged over samples of the other groups."""

    @jax.jit
    def means(params: Params, model_state: ModelState, batch: Batch, rng: Array) -> list[Array]:
        keys = example_keys(rng, batch["index"])

        def of_sample(sample: Array) -> list[Array]:
            latents = encode(params, model_state, batch, noise(part_keys(keys, sample)))
            return [latent.posterior.loc.reshape(len(latent.z), -1) for latent in latents]

        samples = jax.lax.map(of_sample, jnp.arange(num_samples))
        return [group.mean(0) for group in samples]

    return means
