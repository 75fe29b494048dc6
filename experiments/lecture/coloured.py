"""The capacity objective on sprites of random colour (Burgess et al., 2018, figure 4a).

The colour is drawn anew in every batch and is no factor of the data set; but it can be read off an
image, since a sprite has one colour and covers some pixel whole.
"""

from typing import Any, NamedTuple

import numpy as np

from experiments.trained import BATCH, Trained, codes_of, kl_of
from vaejax import metrics
from vaejax.data import Source, eval_batches
from vaejax.evaluators import some_examples


class Shares(NamedTuple):
    """What the latents of one model depend on.

    Attributes:
        names: of the factors that vary, and "colour".
        shares: of the variance of each latent's mean, [D, F + 1].
        kl: of each latent, [D] nats.
    """

    names: tuple[str, ...]
    shares: np.ndarray
    kl: np.ndarray


def shares_of(model: Trained, num_images: int) -> Shares:
    """The shares over random images of the training set in new colours, by factor and colour."""
    source = some_examples(model.run.source, num_images)
    table = codes_of(model, [source])
    varies = table.factors.max(0) > table.factors.min(0)
    ratios = metrics.correlation_ratio(table.means, table.factors[:, varies])["correlation_ratio"]
    by_colour = explained(table.means, colours_of(source))
    names = [name for name, some in zip(source.factor_names, varies, strict=True) if some]
    return Shares((*names, "colour"), np.column_stack([ratios, by_colour]), kl_of(table))


def colours_of(source: Source) -> np.ndarray:
    """The colour of the sprite in each image, [N, 3], as evaluations draw it."""
    return np.concatenate(
        [
            np.asarray(batch["image"]).max((1, 2))[np.asarray(batch["mask"]) > 0]
            for batch in eval_batches(source, BATCH)
        ]
    )


def explained(codes: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """R^2 of the linear regression of each code [N, D] on the colours [N, 3]; 0 for a constant."""
    codes = codes - codes.mean(0)
    colours = colours - colours.mean(0)
    rest = codes - colours @ np.linalg.lstsq(colours, codes, rcond=None)[0]
    total = (codes**2).sum(0)
    return np.where(total > 0, 1 - (rest**2).sum(0) / np.where(total > 0, total, 1), 0.0)


def results_of(shares: Shares) -> dict[str, Any]:
    """The numbers, latents by falling KL."""
    order = np.argsort(-shares.kl, kind="stable")
    return {
        "kl": shares.kl[order].tolist(),
        "shares": [dict(zip(shares.names, shares.shares[d].tolist(), strict=True)) for d in order],
    }
