"""Which factor each latent follows, as a row of a traversal is named by it."""

import warnings
from collections.abc import Sequence

import numpy as np

from vaejax import metrics
from vaejax.metrics.left_out import varying
from vaejax.types import AnyArray


def followed(codes: AnyArray, factors: AnyArray, names: Sequence[str]) -> list[str]:
    """For each latent the factor that explains most of its variance, and that share: "x, 97 %".

    The share is epsilon squared (Kelley, 1935): the correlation ratio less what a factor of as many
    values explains by chance, which of an image's number is all.

    Args:
        codes: [N, D], posterior means.
        factors: [N, F] integers; those without two values that occur twice explain nothing.
        names: of the factors.

    Returns:
        [D], empty for a latent that does not vary, or that follows none.
    """
    codes, factors = np.asarray(codes), np.asarray(factors)
    there = varying(("images", factors), at_least=0, times=2).columns
    if not len(there) or not np.isfinite(codes).all():
        return [""] * codes.shape[1]
    with warnings.catch_warnings():  # of few images: it is a label, in whole per cent
        warnings.simplefilter("ignore", UserWarning)
        shares = metrics.correlation_ratio(codes, factors[:, there])["correlation_ratio"]
    num_values = np.array([len(np.unique(column)) for column in factors[:, there].T])
    by_chance = (len(codes) - 1) / (len(codes) - num_values)
    shares = np.maximum(1.0 - (1.0 - np.asarray(shares)) * by_chance[None], 0.0)
    follows = codes.max(0) > codes.min(0)
    return [
        f"{names[there[row.argmax()]]}, {100 * row.max():.0f} %" if row.any() and varies else ""
        for row, varies in zip(shares, follows, strict=True)
    ]
