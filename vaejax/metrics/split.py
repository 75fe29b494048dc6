"""Rows to fit a predictor to, and other rows to score it on."""

import jax
import numpy as np

from vaejax.types import Array


def train_test_rows(
    rng: Array, num_points: int, num_train: int, num_test: int
) -> tuple[np.ndarray, np.ndarray]:
    """Two disjoint random sets of rows; in the same proportion where there are too few for both.

    Args:
        rng: key.
        num_points: N, rows to draw from; at least 2.
        num_train: size of the first set.
        num_test: size of the second.
    """
    if num_points < 2:
        raise ValueError(f"codes: expected at least 2 points, got {num_points}")
    wanted = num_train + num_test
    if wanted > num_points:
        num_test = max(1, num_points * num_test // wanted)
        num_train = num_points - num_test
    seed = np.asarray(jax.random.key_data(rng)).reshape(-1)
    rows = np.random.default_rng(seed).choice(num_points, num_train + num_test, replace=False)
    return rows[:num_train], rows[num_train:]
