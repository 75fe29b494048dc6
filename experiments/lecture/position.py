"""Beta 1 to 150 on one sprite at every place: traversals, and what each latent answers to.

Burgess et al., Understanding disentangling in beta-VAE, 2018, figure 2.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from experiments.trained import BETA, Trained, codes_of, decoded, kl_of
from vaejax import metrics
from vaejax.data import Source

VALUES = np.linspace(-3.0, 3.0, 7)  # of a traversed latent
NUM_SHOWN = 7  # inputs above their reconstructions


class Page(NamedTuple):
    """What one model makes of places.

    Attributes:
        beta: of the model.
        originals: images at places along a diagonal, [T, H, W, C].
        reconstructions: of those.
        traversals: image d, t has latent d at its t-th value, the others those of the middle image
            of `originals`; [D, T, H, W, C].
        kl: of each latent, [D] nats.
        maps: the mean of each latent for the sprite at (y, x), [D, Y, X].
        shares: of each latent's variance that x and y explain, [D, 2].
    """

    beta: float
    originals: np.ndarray
    reconstructions: np.ndarray
    traversals: np.ndarray
    kl: np.ndarray
    maps: np.ndarray
    shares: np.ndarray


def page(model: Trained) -> Page:
    """Read a finished model of one sprite at all places, those held out among them."""
    sources = list(model.run.context.splits.values())
    table = codes_of(model, sources)
    x, y = (table.factors[:, sources[0].factor_names.index(name)] for name in ("x", "y"))
    sizes = y.max() + 1, x.max() + 1
    means = np.full((*sizes, table.means.shape[1]), np.nan)
    means[y, x] = table.means
    diagonal = np.linspace(0, min(sizes) - 1, NUM_SHOWN).round().astype(int)
    codes = means[diagonal, diagonal]
    traversals = [decoded(model, row) for row in traversed(codes[NUM_SHOWN // 2])]
    return Page(
        beta=model.member.point[BETA],
        originals=_images_at(sources, diagonal),
        reconstructions=decoded(model, codes),
        traversals=np.stack(traversals),
        kl=kl_of(table),
        maps=means.transpose(2, 0, 1),
        shares=metrics.correlation_ratio(table.means, np.stack([x, y], 1))["correlation_ratio"],
    )


def traversed(code: np.ndarray) -> np.ndarray:
    """A code [D] with each latent in turn set to `VALUES`, [D, T, D]."""
    rows = np.tile(code, (len(code), len(VALUES), 1))
    for latent, row in enumerate(rows):
        row[:, latent] = VALUES
    return rows


def _images_at(sources: Sequence[Source], diagonal: np.ndarray) -> np.ndarray:
    """The images with x = y = each of `diagonal`, from whatever split has them."""
    found: dict[int, np.ndarray] = {}
    for source in sources:
        factors = source.factors(np.arange(len(source)))
        x, y = (factors[:, source.factor_names.index(name)] for name in ("x", "y"))
        (rows,) = np.nonzero((x == y) & np.isin(x, diagonal))
        for row, image in zip(rows, np.asarray(source.images(rows)), strict=True):
            found[int(x[row])] = image
    return np.stack([found[int(place)] for place in diagonal])


def results_of(page: Page) -> dict[str, Any]:
    """The numbers of a page, latents by falling KL."""
    order = np.argsort(-page.kl, kind="stable")
    return {
        "beta": page.beta,
        "kl": page.kl[order].tolist(),
        "share_of_x": page.shares[order, 0].tolist(),
        "share_of_y": page.shares[order, 1].tolist(),
        "range_of_mean": [float(np.ptp(page.maps[d])) for d in order],
    }
