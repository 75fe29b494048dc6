"""All that the plan needs of one finished run, and what follows from all of them."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from experiments.select_beta import (
    LATENT_SIZE,
    higgins_scores,
    labelled_codes,
    with_interval,
)
from experiments.trained import trained
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

    Attributes:
        beta_norms: of the chosen models, [S * R].
        lost: by how much the metric of the chosen model, by all labels, is below that of the best
            model of its seed, [S * R].
        lost_blindly: the same for a model chosen at random, on average.
    """

    beta_norms: np.ndarray
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
        table = labelled_codes(model, max(num_labels))
        readings.append(
            Reading(
                latent_size=size,
                beta_norm=beta_norm,
                beta=denormalise_beta(beta_norm, latent_size=size, input_size=input_size),
                seed=model.member.seed,
                numbers=numbers,
                label_scores={n: higgins_scores(table, n, repeats) for n in num_labels},
            )
        )
    return readings


def by_size(readings: Sequence[Reading]) -> dict[int, list[Reading]]:
    """The readings of each latent size, by rising beta_norm."""
    ordered = sorted(readings, key=lambda reading: (reading.beta_norm, reading.seed))
    sizes = sorted({reading.latent_size for reading in readings})
    return {size: [r for r in ordered if r.latent_size == size] for size in sizes}


def by_beta_norm(readings: Sequence[Reading], name: str) -> dict[float, np.ndarray]:
    """A number of readings of one latent size, the values of all seeds by rising beta_norm."""
    values: dict[float, list[float]] = {}
    for reading in sorted(readings, key=lambda reading: reading.beta_norm):
        values.setdefault(reading.beta_norm, []).append(reading.numbers[name])
    return {beta_norm: np.array(some) for beta_norm, some in values.items()}


def choice(readings: Sequence[Reading], num_labels: int) -> Choice:
    """What a number of labels chooses among the models of one latent size.

    Of every seed and repeat it is the model with the highest metric on the repeat's images.
    """
    beta_norms, lost, blindly = [], [], []
    for seed in sorted({reading.seed for reading in readings}):
        some = [reading for reading in readings if reading.seed == seed]
        full = np.array([reading.numbers[METRIC] for reading in some])
        scores = np.stack([reading.label_scores[num_labels] for reading in some])  # [models, R]
        chosen = scores.argmax(0)
        beta_norms += [some[i].beta_norm for i in chosen]
        lost.append(full.max() - full[chosen])
        blindly.append(full.max() - full.mean())
    return Choice(np.array(beta_norms), np.concatenate(lost), float(np.mean(blindly)))


def peak(series: dict[float, np.ndarray]) -> dict[str, Any]:
    """Where the mean over seeds is highest, and how far it lies above both ends of the grid.

    An inverted U has its peak inside, and gains at both ends that exceed what seeds differ by.
    """
    means = {beta_norm: float(values.mean()) for beta_norm, values in series.items()}
    top = max(means, key=means.__getitem__)
    first, *_, last = means
    return {
        "beta_norm": top,
        "score": means[top],
        "above_lowest_beta": means[top] - means[first],
        "above_highest_beta": means[top] - means[last],
        "largest_range_of_seeds": float(max(np.ptp(values) for values in series.values())),
    }


def results_of(readings: Sequence[Reading]) -> dict[str, Any]:
    """The numbers behind the figures, as JSON has them."""
    sizes = by_size(readings)
    counts = sorted(readings[0].label_scores)
    chosen = []
    for size, some in sizes.items():
        for count in counts:
            made = choice(some, count)
            lost, low, high = with_interval(made.lost)
            values, times = np.unique(made.beta_norms, return_counts=True)
            chosen.append(
                {
                    "latent_size": size,
                    "num_labels": count,
                    "lost": lost,
                    "low": low,
                    "high": high,
                    "lost_blindly": made.lost_blindly,
                    "times_chosen": dict(zip(map(str, values), times.tolist(), strict=True)),
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
        name: {size: peak(by_beta_norm(some, name)) for size, some in sizes.items()}
        for name in (*SCORES.values(), "elbo", "log_likelihood")
    }
    return {"peaks": peaks, "choices": chosen, "points": points}
