"""All that the plan needs of one finished run, and what follows from all of them."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from experiments.labels import label_scores, num_tied, shares_of_choice
from experiments.trained import LATENT_SIZE, trained
from vaejax.metrics import mean_interval
from vaejax.objectives import denormalise_beta
from vaejax.sweep import Member

BETA_NORM = "objective.beta_norm"
SCORES = {
    "beta-VAE metric": "beta_vae_score",
    "FactorVAE metric": "factor_vae_score",
    "MIG": "mig",
}
METRIC = "beta_vae_score"  # that beta is chosen by
BOUND, LIKELIHOOD, DISENTANGLEMENT = "test/bound", "test/importance_weighted", "disentanglement"


class Reading(NamedTuple):
    """What one finished run says.

    Attributes:
        latent_size, beta_norm, beta, seed: of the run.
        numbers: by name: the scores by all labels, `active_units`, and in nats per image of
            held-out images `elbo`, `log_px`, `kl` and `log_likelihood`.
        label_scores: by number of labels, the beta-VAE metric of every repeat, [R].
    """

    latent_size: int
    beta_norm: float
    beta: float
    seed: int
    numbers: dict[str, float]
    label_scores: dict[int, np.ndarray]


class Choice(NamedTuple):
    """The models that a number of labels chooses, one for every seed and repeat.

    Models that tie share a choice, see `shares_of_choice`.

    Attributes:
        times_chosen: the choices of each beta_norm.
        times_tied: the choices that are shared.
        lost: by how much the metric of the chosen model, by all labels, is below that of the best
            model of its seed; for each seed the mean over its repeats, [S].
        lost_blindly: the same for a model chosen at random, on average.
    """

    times_chosen: dict[float, float]
    times_tied: int
    lost: np.ndarray
    lost_blindly: float


def read(members: Sequence[Member], num_labels: Sequence[int], repeats: int) -> list[Reading]:
    """Read all members that did not diverge."""
    readings = []
    for model in trained(members):
        point, last = model.member.point, model.member.last_metrics()
        size, beta_norm = point[LATENT_SIZE], point[BETA_NORM]
        input_size = int(np.prod(model.run.source.image_shape))
        numbers = {name: last[BOUND][name] for name in ("elbo", "log_px", "kl")}
        numbers["log_likelihood"] = last[LIKELIHOOD]["log_likelihood"]
        for name in (*SCORES.values(), "active_units"):
            numbers[name] = last[DISENTANGLEMENT][f"disentanglement/{name}"]
        readings.append(
            Reading(
                latent_size=size,
                beta_norm=beta_norm,
                beta=denormalise_beta(beta_norm, latent_size=size, input_size=input_size),
                seed=model.member.seed,
                numbers=numbers,
                label_scores=label_scores(model, num_labels, repeats),
            )
        )
    return readings


def by_size(readings: Sequence[Reading]) -> dict[int, list[Reading]]:
    """The readings of each latent size, by rising beta_norm."""
    ordered = sorted(readings, key=lambda reading: (reading.beta_norm, reading.seed))
    sizes = sorted({reading.latent_size for reading in readings})
    return {size: [r for r in ordered if r.latent_size == size] for size in sizes}


def by_beta_norm(
    readings: Sequence[Reading], value: Callable[[Reading], float]
) -> dict[float, np.ndarray]:
    """A value of readings of one latent size, those of all seeds by rising beta_norm."""
    values: dict[float, list[float]] = {}
    for reading in sorted(readings, key=lambda reading: reading.beta_norm):
        values.setdefault(reading.beta_norm, []).append(value(reading))
    return {beta_norm: np.array(some) for beta_norm, some in values.items()}


def number(name: str) -> Callable[[Reading], float]:
    """The number of that name, as a function of a reading."""
    return lambda reading: reading.numbers[name]


def choice(readings: Sequence[Reading], num_labels: int) -> Choice:
    """What a number of labels chooses among the models of one latent size.

    Of every seed and repeat it is the model with the highest metric on the repeat's images.
    """
    times = dict.fromkeys(sorted({reading.beta_norm for reading in readings}), 0.0)
    lost, blindly, tied = [], [], 0
    for seed in sorted({reading.seed for reading in readings}):
        some = [reading for reading in readings if reading.seed == seed]
        full = np.array([reading.numbers[METRIC] for reading in some])
        scores = np.stack([reading.label_scores[num_labels] for reading in some])  # [models, R]
        shares = shares_of_choice(scores)
        tied += num_tied(shares)
        for reading, share in zip(some, shares.sum(1), strict=True):
            times[reading.beta_norm] += float(share)
        lost.append((full.max() - full @ shares).mean())
        blindly.append(full.max() - full.mean())
    return Choice(times, tied, np.array(lost), float(np.mean(blindly)))


def peak(series: dict[float, np.ndarray]) -> dict[str, Any]:
    """Where the mean over seeds is highest, and how far it lies above both ends of the grid.

    An inverted U has its peak inside, and gains at both ends that exceed what seeds differ by: NaN
    where no point has two of them.
    """
    ranges = [float(np.ptp(values)) for values in series.values() if len(values) > 1]
    means = {beta_norm: float(values.mean()) for beta_norm, values in series.items()}
    top = max(means, key=means.__getitem__)
    lowest, highest = min(means), max(means)
    return {
        "beta_norm": top,
        "score": means[top],
        "above_lowest_beta": means[top] - means[lowest],
        "above_highest_beta": means[top] - means[highest],
        "largest_range_of_seeds": max(ranges, default=math.nan),
    }


def results_of(readings: Sequence[Reading]) -> dict[str, Any]:
    """The numbers behind the figures, as JSON has them.

    `low` and `high` are the 95 % interval for the expectation of `lost` over seeds, by Student's t;
    a single seed has none.
    """
    sizes = by_size(readings)
    chosen = []
    for size, some in sizes.items():
        for count in sorted(some[0].label_scores):
            made = choice(some, count)
            lost, _, low, high = mean_interval(made.lost)
            chosen.append(
                {
                    "latent_size": size,
                    "num_labels": count,
                    "lost": lost,
                    "low": low,
                    "high": high,
                    "lost_blindly": made.lost_blindly,
                    "times_chosen": made.times_chosen,
                    "times_tied": made.times_tied,
                }
            )
    points = [
        {
            **{name: getattr(r, name) for name in ("latent_size", "beta_norm", "beta", "seed")},
            **r.numbers,
            "label_scores": {str(n): scores.tolist() for n, scores in r.label_scores.items()},
        }
        for r in readings
    ]
    peaks = {
        name: {size: peak(by_beta_norm(some, number(name))) for size, some in sizes.items()}
        for name in (*SCORES.values(), "elbo", "log_likelihood")
    }
    return {"peaks": peaks, "choices": chosen, "points": points}
