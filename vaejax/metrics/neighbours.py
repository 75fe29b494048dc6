"""Mutual information of a discrete and a continuous variable, by nearest neighbours.

Ross, "Mutual Information between Discrete and Continuous Data Sets", PLoS ONE 2014.
"""

import numpy as np

from vaejax.metrics.draws import host_generator
from vaejax.metrics.standardise import standardised
from vaejax.types import AnyArray, Array


def neighbour_information(
    codes: AnyArray, levels: np.ndarray, rng: Array, num_neighbours: int = 10
) -> np.ndarray:
    """I(z_d; v_k) [F, D], nats, of continuous codes, by the distances to nearest neighbours.

    In float64 on the host: ties are broken by noise of one part in 10^10.

    Args:
        codes: [N, D].
        levels: [N, F] in 0, 1, ...
        rng: key of that noise.
        num_neighbours: k.
    """
    (z,) = standardised(codes.astype(np.float64))
    noise = host_generator(rng).standard_normal(z.shape)
    z += 1e-10 * np.maximum(1.0, np.abs(z).mean(0)) * noise
    return np.array([[_information(code, v, num_neighbours) for code in z.T] for v in levels.T])


def _information(code: AnyArray, labels: np.ndarray, num_neighbours: int) -> float:
    """psi(N) + <psi(k)> - <psi(N_label)> - <psi(m)> with m rows within the k-th neighbour's radius
    of the same label; rows whose label occurs once do not count (Ross, Eq. 2)."""
    order = np.argsort(code)
    code, labels = code[order], labels[order]
    counts = np.bincount(labels)
    counted = counts[labels] > 1
    radius = np.empty(len(code))
    for label in np.flatnonzero(counts > 1):
        where = labels == label
        radius[where] = _neighbour_distance(code[where], min(num_neighbours, counts[label] - 1))
    kept = code[counted]
    # Strictly nearer than the k-th, whatever the rounding of the sums below.
    radius = radius[counted] - 4 * np.spacing(np.abs(kept).max())
    near = np.searchsorted(kept, kept + radius, "right") - np.searchsorted(kept, kept - radius)
    sizes = counts[labels[counted]]
    neighbours = np.minimum(num_neighbours, sizes - 1)
    psi = _digamma_table(len(code) + 1)
    total = psi[len(kept)] + np.mean(psi[neighbours] - psi[sizes] - psi[near])
    return max(0.0, float(total))


def _neighbour_distance(ordered: AnyArray, k: int) -> np.ndarray:
    """Distance of each of the ascending numbers [n] to its k-th nearest, k < n.

    It and its k nearest are k + 1 in a row: the smallest reach over all such rows.
    """
    n = len(ordered)
    best = np.full(n, np.inf)
    for left in range(k + 1):  # how many of the k lie below
        middle = np.arange(left, n - (k - left))
        reach = np.maximum(
            ordered[middle] - ordered[middle - left], ordered[middle + k - left] - ordered[middle]
        )
        best[middle] = np.minimum(best[middle], reach)
    return best


def _digamma_table(size: int) -> np.ndarray:
    """psi(0) (never used), psi(1), ... psi(size - 1): psi(n + 1) = psi(n) + 1 / n."""
    harmonic = np.cumsum(1.0 / np.arange(1, size - 1))
    return np.concatenate([[0.0], [0.0], harmonic]) - np.euler_gamma
