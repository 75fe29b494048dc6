"""What few labelled images say of a model."""

import warnings
from collections.abc import Sequence

import jax
import numpy as np

from experiments.trained import Trained, codes_of
from vaejax import metrics
from vaejax.data import Subset
from vaejax.metrics.table import Table, varying

# More points of the same few images would not say more.
POINTS = {"num_train": 2_000, "num_eval": 1_000}


def label_scores(
    model: Trained, num_labels: Sequence[int], num_repeats: int
) -> dict[int, np.ndarray]:
    """The metric on random labelled images of the training split, by their number, [R] each.

    Every repeat draws its images from the whole split, the same for all models. An image is encoded
    once, however often it is drawn.
    """
    source = model.run.source
    draws = {
        n: [
            np.random.default_rng(repeat).choice(len(source), n, replace=False)
            for repeat in range(num_repeats)
        ]
        for n in num_labels
    }
    drawn = np.unique(np.concatenate([rows for some in draws.values() for rows in some]))
    table = codes_of(model, [Subset(source, drawn)])
    table = table.of_factors(varying(table.factors))
    return {
        n: np.array([_score(table, np.searchsorted(drawn, rows), i) for i, rows in enumerate(some)])
        for n, some in draws.items()
    }


def shares_of_choice(scores: np.ndarray) -> np.ndarray:
    """Which of the models each draw of labels chooses, [models, R], from their scores [models, R].

    The metric saturates at 1, where models tie: k of them share a choice, 1/k each.
    """
    highest = scores == scores.max(0)
    return highest / highest.sum(0)


def num_tied(shares: np.ndarray) -> int:
    """How many draws do not choose one model alone, from the shares [models, R]."""
    return int((shares.max(0) < 1).sum())


def _score(table: Table, rows: np.ndarray, repeat: int) -> float:
    """The metric of some rows of codes and factors."""
    with warnings.catch_warnings():
        # Few labels are the point here, and that of some values there is a single one.
        warnings.filterwarnings("ignore", "codes: .* points|left out: ")
        return metrics.beta_vae_score(
            table.means[rows], table.factors[rows], rng=jax.random.key(repeat), **POINTS
        )["beta_vae_score"]
