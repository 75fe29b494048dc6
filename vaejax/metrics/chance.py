"""Whether predictions are any better than guessing.

Pitman, "Significance tests which may be applied to samples from any populations. II. The
correlation coefficient test", 1937: over all permutations of one of two columns, the square of
their correlation has nearly the law Beta(1/2, n/2 - 1), that of Student's t with n - 2 degrees of
freedom, whatever the columns hold.
"""

import math

from vaejax.types import Array

LEVEL = 1e-3  # probability that any of several useless predictions passes


def better_than_guessing(correlations: Array, num_points: int) -> Array:
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
