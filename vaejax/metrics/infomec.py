"""InfoM, InfoC and InfoE: modularity, compactness and explicitness as shares of information.

Hsu, Dorrell, Whittington, Wu, Finn, "Disentanglement via Latent Quantization", NeurIPS 2023,
section 4 and appendix. Mutual information by nearest neighbours:
Ross, "Mutual Information between Discrete and Continuous Data Sets", PLoS ONE 2014.
"""

import numpy as np

from vaejax.metrics.discrete import factor_entropies
from vaejax.metrics.draws import host_generator
from vaejax.metrics.inputs import checked_codes, checked_factors
from vaejax.metrics.logistic import multinomial
from vaejax.metrics.split import disjoint_rows
from vaejax.metrics.tracing import is_traced
from vaejax.types import Array

NEARLY_FREE = 1e-3  # L2 penalty of a regression that should have none, for a finite solution


def infomec(
    codes: Array,
    factors: Array,
    *,
    rng: Array,
    num_points: int = 10_000,
    num_neighbours: int = 10,
    min_range: float = 0.05,
) -> dict:
    """Shares of the information about factors that sit in one place, and that a line can read.

    Args:
        codes: [N, D].
        factors: [N, F] integers, F >= 2.
        rng: key, draws the rows and breaks ties between equal codes.
        num_points: rows to use, of a larger table; all of a smaller one.
        num_neighbours: of the estimate of mutual information.
        min_range: codes whose range is at most this share of the largest range are left out.

    Returns:
        `infom`, `infoc` and `infoe` in [0, 1], the first two 0 at chance; `nmi` [F, D], the mutual
        information over the factor's entropy; `active` [D], the codes that took part. All scores
        are 0 without active codes; a single one is as compact as can be.
    """
    if is_traced(codes):
        raise ValueError("codes: expected values at hand, got a traced array (loop over models)")
    codes = checked_codes(codes)
    levels = checked_factors(factors, len(codes), at_least=2)
    if len(codes) > num_points:
        rows, _ = disjoint_rows(rng, len(codes), num_points, 0)
        codes, levels = codes[rows], levels[rows]
    spread = codes.max(0) - codes.min(0)
    active = (spread > min_range * spread.max()) & (spread > 0)
    nmi = np.zeros((levels.shape[1], codes.shape[1]))
    if not active.any():
        return {"infom": 0.0, "infoc": 0.0, "infoe": 0.0, "nmi": nmi, "active": active}
    used = codes[:, active]
    information = neighbour_information(used, levels, rng, num_neighbours)
    nmi[:, active] = information / factor_entropies(levels)[:, None]
    infom, infoc = concentration(nmi[:, active])
    infoe = float(predictive_information(used, levels).mean())
    return {"infom": infom, "infoc": infoc, "infoe": infoe, "nmi": nmi, "active": active}


def concentration(nmi: np.ndarray) -> tuple[float, float]:
    """InfoM and InfoC: mean share of the largest entry of each column, each row; chance is 0.

    Args:
        nmi: [F, D] of the active codes.
    """

    def share(matrix: np.ndarray) -> float:  # of the best column, averaged over rows
        chance = 1.0 / matrix.shape[1]
        if chance == 1.0:
            return 1.0
        total = matrix.sum(1)
        shares = np.where(total > 0, matrix.max(1) / np.where(total > 0, total, 1.0), chance)
        return float((shares.mean() - chance) / (1.0 - chance))

    return share(nmi.T), share(nmi)


def predictive_information(codes: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """1 - (cross-entropy of a linear classifier) / (that of guessing), [F], in sample, balanced.

    Args:
        codes: [N, D].
        levels: [N, F] in 0, 1, ...
    """
    deviation = codes.std(0)
    x = (codes - codes.mean(0)) / np.where(deviation > 0, deviation, 1.0)
    shares = []
    for column in levels.T:
        counts = np.bincount(column)
        weights = (len(column) / (len(counts) * counts))[column].astype(x.dtype)
        model = multinomial(
            x, column, num_classes=len(counts), l2=NEARLY_FREE, sample_weights=weights
        )
        p = np.asarray(model.probabilities(x))[np.arange(len(x)), column]
        cross_entropy = -np.average(np.log(np.maximum(p, 1e-30)), weights=weights)
        shares.append(1.0 - cross_entropy / np.log(len(counts)))
    return np.clip(shares, 0.0, 1.0)


def neighbour_information(
    codes: np.ndarray, levels: np.ndarray, rng: Array, num_neighbours: int = 10
) -> np.ndarray:
    """I(z_d; v_k) [F, D], nats, of continuous codes, by the distances to nearest neighbours.

    In float64 on the host: ties are broken by noise of one part in 10^10.

    Args:
        codes: [N, D].
        levels: [N, F] in 0, 1, ...
        rng: key of that noise.
        num_neighbours: k.
    """
    deviation = codes.std(0, dtype=np.float64)
    z = codes.astype(np.float64) / np.where(deviation > 0, deviation, 1.0)
    noise = host_generator(rng).standard_normal(z.shape)
    z += 1e-10 * np.maximum(1.0, np.abs(z).mean(0)) * noise
    return np.array([[_information(code, v, num_neighbours) for code in z.T] for v in levels.T])


def _information(code: np.ndarray, labels: np.ndarray, num_neighbours: int) -> float:
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


def _neighbour_distance(ordered: np.ndarray, k: int) -> np.ndarray:
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
