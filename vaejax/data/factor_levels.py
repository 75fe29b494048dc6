"""Ground-truth factors as levels: what a score counts is which images share a value."""

import warnings
from collections.abc import Sequence

import numpy as np

LARGEST = np.iinfo(np.int32).max


def factor_levels(
    factors: np.ndarray, names: Sequence[str], sizes: Sequence[int], num_images: int
) -> tuple[np.ndarray, tuple[int, ...]]:
    """Factors as levels, int32 [N, F], and the number of levels of each; nothing is cut or rounded.

    Whole numbers from 0 are levels as they are. Of a factor that takes others (hues, angles,
    negative numbers) the distinct values in their order are levels 0, 1, ...

    Args:
        factors: values [N, F], numbers.
        names: F names.
        sizes: F numbers of levels; where empty, what the values need.
        num_images: N.

    Raises:
        ValueError: the shapes do not agree; a value is no finite number; a factor has more levels
            than `sizes` says, or, where its values were numbered, another number of them.
    """
    factors = np.asarray(factors)
    if factors.shape != (num_images, len(names)):
        raise ValueError(
            f"factors: expected shape {(num_images, len(names))}, got {factors.shape}; "
            f"factor_names has a name for each column, {tuple(names)}"
        )
    if factors.dtype.kind not in "biuf":
        raise ValueError(
            f"factors: expected numbers, got {factors.dtype}; np.unique(column, "
            "return_inverse=True)[1] numbers the values of a column"
        )
    if len(sizes) not in (0, len(names)):
        raise ValueError(f"factor_sizes: expected {len(names)} numbers, got {len(sizes)}")
    levels = np.empty(factors.shape, np.int32)
    found = []
    for column, name in enumerate(names):
        levels[:, column] = _levels(factors[:, column], name)
        found.append(int(levels[:, column].max()) + 1)
        renumbered = not np.array_equal(levels[:, column], factors[:, column])
        if sizes and renumbered and sizes[column] != found[-1]:
            raise ValueError(
                f"factor_sizes: expected {found[-1]} for {name!r}, as many as it has distinct "
                f"values, got {sizes[column]}"
            )
        if sizes and sizes[column] < found[-1]:
            raise ValueError(
                f"factor_sizes: expected at least {found[-1]} for {name!r}, whose values go up to "
                f"{found[-1] - 1}, got {sizes[column]}"
            )
    return levels, tuple(sizes) or tuple(found)


def _levels(values: np.ndarray, name: str) -> np.ndarray:
    """The levels of one factor, integers [N]."""
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        index = int(np.argmin(np.isfinite(values)))
        raise ValueError(
            f"factors: expected finite numbers, got {values[index]} for {name!r} of image {index}"
        )
    if np.all((values >= 0) & (values <= LARGEST) & (values == np.floor(values))):
        return values
    distinct, levels = np.unique(values, return_inverse=True)
    if len(distinct) == len(values) > 1:
        warnings.warn(
            f"factors: {name!r} has another value in each of the {len(values)} images; if it is "
            "continuous, cut it into levels by vaejax.metrics.discretise",
            stacklevel=2,
        )
    return levels
