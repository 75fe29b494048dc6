"""Which factor each latent follows, as a row of a traversal is named by it."""

import warnings
from collections.abc import Sequence

import numpy as np

from vaejax import metrics
from vaejax.types import AnyArray


def followed(codes: AnyArray, factors: AnyArray, names: Sequence[str]) -> list[str]:
    """For each latent the factor that explains most of its variance, and that share: "x, 97 %".

    Args:
        codes: [N, D], posterior means.
        factors: [N, F] integers; those that do not vary explain nothing, and of those with another
            value nearly everywhere (a continuous one, few images) nothing is known.
        names: of the factors.

    Returns:
        [D], empty for a latent that does not vary, or where no factor does.
    """
    codes, factors = np.asarray(codes), np.asarray(factors)
    varying = [k for k, column in enumerate(factors.T) if _is_compared(column)]
    if not varying or not np.isfinite(codes).all():
        return [""] * codes.shape[1]
    with warnings.catch_warnings():  # of few images: it is a label, in whole per cent
        warnings.simplefilter("ignore", UserWarning)
        shares = metrics.correlation_ratio(codes, factors[:, varying])["correlation_ratio"]
    return [
        f"{names[varying[row.argmax()]]}, {100 * row.max():.0f} %" if row.any() else ""
        for row in np.asarray(shares)
    ]


def _is_compared(column: np.ndarray) -> bool:
    """Whether two values of a factor occur more than once, so that images of each are compared."""
    counts = np.unique(column, return_counts=True)[1]
    return bool((counts > 1).sum() >= 2)
