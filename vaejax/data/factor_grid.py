"""Data sets that hold one image for every combination of factor values.

The position of an image is then a number in a mixed radix whose digits are its factors, the last
factor running fastest. Everything here works on NumPy and JAX arrays alike.
"""

import math
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from vaejax.types import Array

Numbers = TypeVar("Numbers", Array, np.ndarray)


def factors_of(indices: Numbers, sizes: Sequence[int]) -> Numbers:
    """Factor values [B, F] of positions `indices` [B] in a grid with `sizes` [F] values."""
    return indices[:, None] // _strides(sizes) % np.asarray(sizes, np.int32)[None]


def index_of(factors: Numbers, sizes: Sequence[int]) -> Numbers:
    """Positions [B] of factor values [B, F]; the inverse of `factors_of`."""
    return (factors * _strides(sizes)).sum(-1)


def _strides(sizes: Sequence[int]) -> np.ndarray:
    """How far apart two neighbouring values of each factor lie, [1, F]."""
    return np.array([[math.prod(sizes[i + 1 :]) for i in range(len(sizes))]], np.int32)
