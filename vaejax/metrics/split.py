"""Rows to fit a predictor to, and other rows to score it on."""

import numpy as np

from vaejax.metrics.draws import host_generator
from vaejax.types import Array

Split = tuple[np.ndarray, np.ndarray]
"""Numbers of the rows to fit to, and of those to score on."""


def train_test_rows(rng: Array, num_points: int, num_train: int, num_test: int) -> Split:
    """Two random sets of rows of a table.

    Of a table with at least `num_train` rows both are drawn independently and with replacement, as
    the study of Locatello et al. (2019) draws from its grids: they overlap where the table is not
    many times larger, and then a predictor is scored on rows it has seen; evaluations give it
    others. A smaller table is divided into two disjoint sets in the same proportion.

    Args:
        rng: key; not traced.
        num_points: N, rows to draw from; at least 2.
        num_train: size of the first set.
        num_test: size of the second.
    """
    if num_points < num_train:
        return disjoint_rows(rng, num_points, *divided(num_points, num_train, num_test))
    rows = host_generator(rng).integers(num_points, size=num_train + num_test)
    return rows[:num_train], rows[num_train:]


def divided(num_points: int, num_train: int, num_test: int) -> tuple[int, int]:
    """Both sizes, or of a table that has fewer rows than these its own in the same proportion."""
    if num_points >= num_train + num_test:
        return num_train, num_test
    num_test = max(1, num_points * num_test // (num_train + num_test))
    return num_points - num_test, num_test


def disjoint_rows(rng: Array, num_points: int, num_train: int, num_test: int) -> Split:
    """Two random sets of rows that have none in common, num_train + num_test <= num_points."""
    if num_points < 2:
        raise ValueError(f"codes: expected at least 2 points, got {num_points}")
    rows = host_generator(rng).choice(num_points, num_train + num_test, replace=False)
    return rows[:num_train], rows[num_train:]
