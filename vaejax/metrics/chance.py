"""Whether predictions are any better than guessing, and codes any better than noise.

Pitman, "Significance tests which may be applied to samples from any populations. II. The
correlation coefficient test", 1937: over all permutations of one of two columns, the square of
their correlation has nearly the law Beta(1/2, n/2 - 1), that of Student's t with n - 2 degrees of
freedom, whatever the columns hold.
Pearson, "On the criterion that a given system of deviations ...", 1900: the chi-squared test.
"""

import math

import numpy as np

from vaejax.types import AnyArray

LEVEL = 1e-3  # probability that any of several useless predictions passes
EXPECTED = 5  # counts in a cell, on average, for which the chi-squared law holds well enough


def better_than_guessing(correlations: AnyArray, num_points: int) -> AnyArray:
    """Which predictions [F] have to do with what they predict, by a one-sided test.

    Each is tested at `LEVEL` / F (Bonferroni's correction).

    Args:
        correlations: of predictions and truth on points that they were not fitted to, [F].
        num_points: n of them; of fewer than three nothing can be told.
    """
    if num_points < 3:
        return correlations > math.inf
    from scipy.special import stdtrit  # slow to import

    t = float(stdtrit(num_points - 2, 1.0 - LEVEL / len(correlations)))
    return correlations > t / math.sqrt(num_points - 2 + t**2)


def more_hits_than_guessing(predictions: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Which factors [F] are predicted more often than by guessing as often each level, at `LEVEL`.

    Predictions that have nothing to do with the levels are right as often as the shares of the
    levels among both say, nearly as a binomial law has it or more closely. Predicting the commonest
    level always is no better than that.

    Args:
        predictions, levels: [N, F] integers, of points that the predictor was not fitted to.
    """
    from scipy.special import bdtrc  # slow to import

    count, num_factors = levels.shape
    size = int(max(predictions.max(), levels.max())) + 1
    shares = [
        np.prod([np.bincount(c, minlength=size) / count for c in pair], axis=0).sum()
        for pair in zip(predictions.T, levels.T, strict=True)
    ]
    hits = (predictions == levels).sum(0)
    chances = [
        bdtrc(k - 1, count, min(p, 1.0)) if k else 1.0 for k, p in zip(hits, shares, strict=True)
    ]
    return np.array(chances) < LEVEL / num_factors


def better_than_noise(codes: AnyArray, levels: np.ndarray) -> np.ndarray:
    """Which codes [D] depend on a factor, by chi-squared tests at `LEVEL` for all together.

    Values of a code are put into up to ten bins of equal counts; factor levels that are too rare
    for that do not take part, nor does a factor without two others.

    Args:
        codes: [N, D].
        levels: [N, F] in 0, 1, ...
    """
    from scipy.special import chdtrc  # slow to import

    chances = np.ones((codes.shape[1], levels.shape[1]))
    for k, column in enumerate(levels.T):
        counts = np.bincount(column)
        num_bins = int(np.clip(np.median(counts[counts > 0]) // EXPECTED, 2, 10))
        common = counts >= EXPECTED * num_bins
        if common.sum() < 2:
            continue
        rows = common[column]
        place = (np.cumsum(common) - 1)[column[rows]]
        for d, code in enumerate(codes[rows].T):
            edges = np.unique(np.quantile(code, np.arange(1, num_bins) / num_bins))
            bins = np.unique(np.searchsorted(edges, code, "left"), return_inverse=True)[1]
            shape = bins.max() + 1, place.max() + 1
            table = np.bincount(bins * shape[1] + place, minlength=shape[0] * shape[1])
            table = table.reshape(shape)
            expected = np.outer(table.sum(1), table.sum(0)) / len(code)
            freedom = (shape[0] - 1) * (shape[1] - 1)
            if freedom:
                chances[d, k] = chdtrc(freedom, ((table - expected) ** 2 / expected).sum())
    return chances.min(1) < LEVEL / chances.size
