"""An evaluator that needs samples: their Frechet distance to images, on given features.

Heusel et al., GANs trained by a two time-scale update rule, 2017, Eq. 6.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.linalg

from vaejax.evaluators import Context, Evaluator, pick_split
from vaejax.pictures.sampler import Sampler
from vaejax.training.state import TrainState


def frechet(context: Context, *, split: str = "test", num_images: int = 40) -> Evaluator:
    """|m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^1/2) of the rows' mean grey values."""
    source = pick_split(context.splits, split)
    sampler = Sampler(context, source)

    def features(images):
        return np.asarray(images).mean((2, 3))

    real = features(source.pictures(source.images(np.arange(len(source)))))

    def evaluate(state: TrainState) -> Iterator[tuple[str, Any]]:
        fake = features(sampler.samples(state.ema_params, state.model_state, num_images))
        shift = ((real.mean(0) - fake.mean(0)) ** 2).sum()
        one, two = np.cov(real, rowvar=False), np.cov(fake, rowvar=False)
        root = np.real(scipy.linalg.sqrtm(one @ two))
        yield "frechet_distance", float(shift + np.trace(one + two - 2 * root))

    evaluate.units = {"frechet_distance": "grey^2"}
    return evaluate


def spread(codes, factors):
    """A metric of one's own: the mean variance of codes."""
    del factors
    return {"spread": float(np.var(codes, axis=0).mean())}
