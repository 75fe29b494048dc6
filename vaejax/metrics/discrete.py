"""Histograms of codes, and entropies and mutual information of what they count, in nats."""

import warnings
from collections.abc import Iterator
from types import ModuleType

import jax.numpy as jnp
import numpy as np

from vaejax.core.checks import check_counts
from vaejax.metrics.tracing import each, is_traced, namespace, precise
from vaejax.types import AnyArray

CROWDED = 0.99  # share of a code's values in the width of one bin that is warned of


def discretise(values: AnyArray, num_bins: int = 20) -> AnyArray:
    """Bin numbers [N, D] int32 of `values` [N, D]: equal widths from each column's min to its max.

    The edges are those of `numpy.histogram`; the last bin is closed. Of a constant column all
    values are in one bin.
    """
    check_counts(num_bins=(num_bins, 2))
    xp, values = namespace(values), precise(values)
    edges = xp.linspace(values.min(0), values.max(0), num_bins + 1)
    width = edges[-1] - edges[0]
    place = (values - edges[0][None]) / xp.where(width > 0, width, 1.0)[None] * num_bins
    bins = xp.minimum(place.astype(np.int32), num_bins - 1)
    # Rounding may have put a value on the wrong side of an edge.
    bins -= values < xp.take_along_axis(edges, bins, axis=0)
    return bins + ((values >= xp.take_along_axis(edges, bins + 1, axis=0)) & (bins < num_bins - 1))


def binned(codes: AnyArray, num_bins: int) -> AnyArray:
    """`discretise` of codes [N, D], with a warning for each that the bins do not resolve."""
    bins = discretise(codes, num_bins)
    crowded_codes(codes, num_bins, bins, therefore="their differences do not count")
    return bins


def crowded_codes(
    codes: AnyArray, num_bins: int = 20, bins: AnyArray | None = None, *, therefore: str
) -> list[int]:
    """Columns of codes [N, D] whose range is that of a few outliers, with a warning for each.

    Args:
        codes: [N, D]; of traced ones nothing is known.
        num_bins: those are found of which 99 %, not all alike, lie in 1 / num_bins of the range.
        bins: `discretise` of the codes, where it is at hand.
        therefore: what the warning says of it.
    """
    if is_traced(codes):
        return []
    bins = discretise(codes, num_bins) if bins is None else bins
    found = dict(_crowded(codes, bins, num_bins))
    for column, share in found.items():
        warnings.warn(
            f"codes: {share:.2%} of column {column} lie within the width of one of {num_bins} "
            f"bins from {codes[:, column].min():.3g} to {codes[:, column].max():.3g}: "
            f"{therefore} (outliers?)",
            stacklevel=4,
        )
    return list(found)


def _crowded(codes: AnyArray, bins: AnyArray, num_bins: int) -> Iterator[tuple[int, float]]:
    """Columns of which different values are crowded into the width of one bin, and their share."""
    enough = CROWDED * len(codes)
    for column, (values, places) in enumerate(zip(codes.T, bins.T, strict=True)):
        counts = np.bincount(places, minlength=num_bins)
        if (counts[1:] + counts[:-1]).max() < enough:  # one bin's width meets two bins at most
            continue
        ranked = np.sort(values.astype(np.float64))
        ends = np.searchsorted(ranked, ranked + (ranked[-1] - ranked[0]) / num_bins, "right")
        first = int((ends - np.arange(len(ranked))).argmax())
        size = int(ends[first]) - first
        if enough <= size < len(ranked) and ranked[first] < ranked[ends[first] - 1]:
            yield column, size / len(ranked)


def joint_counts(a: AnyArray, b: AnyArray, num_a: int, num_b: int) -> AnyArray:
    """How often each pair of values occurs, [D, F, num_a, num_b], for every pair of columns.

    Args:
        a: [N, D] integers in [0, num_a).
        b: [N, F] integers in [0, num_b).
    """
    xp, num_factors = namespace(a, b), b.shape[1]
    integer = np.int32 if xp is jnp else np.intp
    first = np.arange(num_factors, dtype=integer)[:, None] * (num_a * num_b)
    cells = first + b.T.astype(integer)  # [F, N], of pairs with a = 0

    def counts(column: AnyArray) -> AnyArray:  # [N] -> [F * num_a * num_b]
        return count(xp, (cells + column[None] * num_b).reshape(-1), num_factors * num_a * num_b)

    return each(xp, counts, a.T.astype(integer)).reshape(-1, num_factors, num_a, num_b)


def short(levels: AnyArray) -> AnyArray:
    """Levels in the shortest integers that hold them: their stable sort, by radix, is linear."""
    return levels.astype(np.min_scalar_type(int(levels.max())))


def count(xp: ModuleType, values: AnyArray, size: int) -> AnyArray:
    """How often each of 0, 1, ... size - 1 occurs among `values`, in the namespace `xp`."""
    if xp is jnp:
        return jnp.bincount(values, length=size)
    return np.bincount(values, minlength=size)


def mutual_information(counts: AnyArray) -> AnyArray:
    """I(A; B) in nats from joint counts [..., num_a, num_b]; the plug-in estimate, >= 0."""
    xp = namespace(counts)
    p = counts / counts.sum((-2, -1), keepdims=True)
    independent = p.sum(-1, keepdims=True) * p.sum(-2, keepdims=True)
    ratio = xp.where(p > 0, p, 1.0) / xp.where(p > 0, independent, 1.0)
    return xp.maximum((p * xp.log(ratio)).sum((-2, -1)), 0.0)


def paired_information(a: AnyArray, b: AnyArray, num_a: int, num_b: int) -> AnyArray:
    """Mutual information [D, F], nats, of every pair of columns; arguments as `joint_counts`."""
    return mutual_information(joint_counts(a, b, num_a, num_b))


def code_factor_information(codes: AnyArray, levels: np.ndarray, num_bins: int) -> AnyArray:
    """I(z_d; v_k) [D, F], nats, of discretised codes [N, D] with factor levels [N, F]."""
    bins = binned(codes, num_bins)
    return paired_information(bins, levels, num_bins, int(levels.max()) + 1)


def factor_entropies(levels: np.ndarray) -> np.ndarray:
    """H(v_k) [F], nats, of factor levels [N, F]."""
    p = [np.bincount(column) / len(column) for column in levels.T]
    p = [q[q > 0] for q in p]
    return np.array([-(q * np.log(q)).sum() for q in p])
