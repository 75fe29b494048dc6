"""Histograms of codes, and entropies and mutual information of what they count, in nats."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from vaejax.types import Array


def discretise(values: Array | np.ndarray, num_bins: int = 20) -> Array:
    """Bin numbers [N, D] int32 of `values` [N, D]: equal widths from each column's min to its max.

    The edges are those of `numpy.histogram`, computed in float64; the last bin is closed.
    """
    if num_bins < 2:
        raise ValueError(f"num_bins: expected at least 2, got {num_bins}")
    return bins_of(values, left_edges(values, num_bins))


def left_edges(values: Array | np.ndarray, num_bins: int) -> np.ndarray:
    """Left edges [num_bins, D] of every column's bins."""
    values = np.asarray(values)
    low, high = values.min(0).astype(np.float64), values.max(0).astype(np.float64)
    return np.linspace(low, high, num_bins + 1)[:-1]


@jax.jit
def bins_of(values: Array, edges: Array) -> Array:
    """The last of the left `edges` [num_bins, D] that does not exceed each value [N, D]."""
    return (values[:, None, :] >= edges[None]).sum(1, dtype=jnp.int32) - 1


@partial(jax.jit, static_argnums=(2, 3))
def joint_counts(a: Array, b: Array, num_a: int, num_b: int) -> Array:
    """How often each pair of values occurs, [D, F, num_a, num_b], for every pair of columns.

    Args:
        a: [N, D] integers in [0, num_a).
        b: [N, F] integers in [0, num_b).
    """

    def count(column: Array) -> Array:  # [N] -> [F, num_a, num_b], a scatter-add
        which = jnp.arange(b.shape[1])[None]
        return jnp.zeros((b.shape[1], num_a, num_b), jnp.int32).at[which, column[:, None], b].add(1)

    return jax.lax.map(count, a.T)


def entropy(counts: Array) -> Array:
    """Entropy of the distribution along the last axis of `counts`, nats."""
    p = counts / jnp.maximum(counts.sum(-1, keepdims=True), 1)
    return -jax.scipy.special.xlogy(p, p).sum(-1)


def mutual_information(counts: Array) -> Array:
    """I(A; B) in nats from joint counts [..., num_a, num_b]; the plug-in estimate, >= 0."""
    p = counts / counts.sum((-2, -1), keepdims=True)
    independent = p.sum(-1, keepdims=True) * p.sum(-2, keepdims=True)
    ratio = p / jnp.where(p > 0, independent, 1.0)
    return jnp.maximum(jax.scipy.special.xlogy(p, ratio).sum((-2, -1)), 0.0)


def code_factor_information(codes: np.ndarray, levels: np.ndarray, num_bins: int) -> Array:
    """I(z_d; v_k) [D, F], nats, of discretised codes [N, D] with factor levels [N, F]."""
    bins = discretise(codes, num_bins)
    return paired_information(bins, levels, num_bins, int(levels.max()) + 1)


@partial(jax.jit, static_argnums=(2, 3))
def paired_information(a: Array, b: Array, num_a: int, num_b: int) -> Array:
    """Mutual information [D, F], nats, of every pair of columns; arguments as `joint_counts`."""
    return mutual_information(joint_counts(a, b, num_a, num_b))


def factor_entropies(levels: np.ndarray) -> np.ndarray:
    """H(v_k) [F], nats, of factor levels [N, F]."""
    p = [np.bincount(column) / len(column) for column in levels.T]
    return np.array([-(q * np.log(q)).sum() for q in p])
