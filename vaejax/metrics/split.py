"""Rows to fit a predictor to, and other rows to score it on."""

import numpy as np

from vaejax.metrics.draws import host_generator
from vaejax.types import Array

Split = tuple[np.ndarray, np.ndarray]
"""Numbers of the rows to fit to, and of those to score on."""


def train_test_rows(rng: Array, num_points: int, num_train: int, num_test: int) -> Split:
    """Two random sets of rows of a table that have none in common.

    Args:
        rng: key; not traced.
        num_points: N, rows to draw from; at least 2. Fewer than `num_train + num_test` are divided
            in the same proportion.
        num_train: size of the first set.
        num_test: size of the second.
    """
    return disjoint_rows(rng, num_points, *divided(num_points, num_train, num_test))


def divided(num_points: int, num_train: int, num_test: int) -> tuple[int, int]:
    """Both sizes, or of a smaller table its rows in the same proportion."""
    if num_points >= num_train + num_test:
        return num_train, num_test
    num_test = max(1, num_points * num_test // (num_train + num_test))
    return num_points - num_test, num_test


def published_rows(rng: Array, num_points: int, num_train: int, num_test: int) -> Split:
    """Two random sets of rows as the study of Locatello et al. (2019) draws them from its grids.

    Both are drawn with replacement, so that rows repeat, and many rows to score on are also among
    those to fit to where the table is not many times larger. Arguments as `train_test_rows`.
    """
    rows = host_generator(rng).integers(num_points, size=num_train + num_test)
    return rows[:num_train], rows[num_train:]


def disjoint_rows(rng: Array, num_points: int, num_train: int, num_test: int) -> Split:
    """Two random sets of rows that have none in common, num_train + num_test <= num_points."""
    if num_points < 2:
        raise ValueError(f"codes: expected at least 2 points, got {num_points}")
    rows = host_generator(rng).choice(num_points, num_train + num_test, replace=False)
    return rows[:num_train], rows[num_train:]
