"""All that chapter 5 needs of one finished run on the Frey faces."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from experiments.thesis import maths
from experiments.thesis.planes import most_informative, plane
from experiments.trained import BETA, Trained, codes_of, decoded, history, kl_of, trained
from vaejax import metrics
from vaejax.core.randomness import stream
from vaejax.metrics.table import Table
from vaejax.sweep import Member
from vaejax.types import Array

SPLITS = {"training": "train/train_bound", "validation": "test/bound"}
SAMPLES_PER_IMAGE = 5  # of q(z): about 10,000 for 1,965 images
GRID = 6  # images across


class Reading(NamedTuple):
    """What one finished run says.

    Attributes:
        latent_size, beta, seed: of the run.
        scores: of its posteriors, by name; see `posterior_scores`.
        losses: by part ("loss", "reconstruction", "kl"), then split: [epochs], nats per image.
        samples: of q(z), [S, D].
        plane: images on a plane of the two latents with the highest KL, [36, H, W, C].
        draws: images of draws of the prior, the same draws in all runs of a latent size.
    """

    latent_size: int
    beta: float
    seed: int
    scores: dict[str, float]
    losses: dict[str, dict[str, np.ndarray]]
    samples: np.ndarray
    plane: np.ndarray
    draws: np.ndarray


def read(members: Sequence[Member]) -> list[Reading]:
    """Read all members that did not diverge, of whatever latent sizes and betas."""
    return [_read(model) for model in trained(members)]


def _read(model: Trained) -> Reading:
    run, member = model.run, model.member
    rng = stream(member.seed, "thesis")
    table = codes_of(model, list(run.context.splits.values()))
    size = table.means.shape[1]
    noise = jax.random.normal(rng, (SAMPLES_PER_IMAGE, *table.means.shape))
    samples = table.means[None] + np.exp(0.5 * table.log_vars)[None] * np.asarray(noise)
    prior = jax.random.normal(stream(0, "thesis"), (GRID**2, size))
    return Reading(
        latent_size=size,
        beta=member.point[BETA],
        seed=member.seed,
        scores=posterior_scores(table, rng),
        losses=losses(member.workdir, math.prod(run.source.image_shape)),
        samples=samples.reshape(-1, size),
        plane=decoded(model, plane(most_informative(kl_of(table)), size, GRID)),
        draws=decoded(model, prior),
    )


def losses(workdir: Path, num_dims: int) -> dict[str, dict[str, np.ndarray]]:
    """Loss and its parts per epoch, nats per image; a run's own loss is per dimension."""
    parts: dict[str, dict[str, np.ndarray]] = {"loss": {}, "reconstruction": {}, "kl": {}}
    for name, split in SPLITS.items():
        logged = history(workdir, split)
        parts["loss"][name] = num_dims * logged["loss"]
        parts["reconstruction"][name] = -logged["log_px"]
        parts["kl"][name] = logged["kl"]
    return parts


def posterior_scores(table: Table, rng: Array) -> dict[str, float]:
    """Frobenius distances, Eq. 3.10 and Eq. 3.14 of one run's posteriors; nats per image."""
    kl_rng, parts_rng = jax.random.split(rng)
    posteriors = table.means, table.log_vars
    scores = {
        f"frobenius_distance/{aggregate}": metrics.frobenius_distance(
            *posteriors, aggregate=aggregate
        )["frobenius_distance"]
        for aggregate in ("posterior", "means")
    }
    check = maths.standard_kl_check(*posteriors, rng=kl_rng)
    draws = metrics.standard_draws(*posteriors, rng=parts_rng, num_samples=SAMPLES_PER_IMAGE)
    parts = metrics.elbo_surgery(draws)
    scores |= {f"equation_3_10/{name}": value for name, value in check.items()}
    return scores | {f"equation_3_14/{name}": value for name, value in parts.items()}


def by_size(readings: Sequence[Reading]) -> dict[int, list[Reading]]:
    """The readings of each latent size."""
    sizes = sorted({reading.latent_size for reading in readings})
    return {size: [r for r in readings if r.latent_size == size] for size in sizes}


def by_beta(readings: Sequence[Reading], value: Callable[[Reading], Any]) -> dict[float, Any]:
    """Of readings of one latent size: the values of all seeds stacked, [S, ...] by beta."""
    betas = sorted({reading.beta for reading in readings})
    return {beta: np.stack([value(r) for r in readings if r.beta == beta]) for beta in betas}


def first_seed(readings: Sequence[Reading]) -> list[Reading]:
    """One reading of every beta, that of the first seed, in the order of beta."""
    first = {r.beta: r for r in sorted(readings, key=lambda r: (r.beta, -r.seed))}
    return list(first.values())
