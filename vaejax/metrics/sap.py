"""Separated attribute predictability.

Kumar, Sattigeri, Balakrishnan, "Variational Inference of Disentangled Latent Concepts from
Unlabeled Observations", ICLR 2018, section 3; constants of Locatello et al., 2019.

A one-dimensional classifier cannot single out a factor's middle levels, and the second best code
does as well as chance: perfect codes score far below 1.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from vaejax.metrics.inputs import checked_codes, checked_factors
from vaejax.metrics.split import train_test_rows
from vaejax.types import Array

NEWTON_STEPS = 30


def sap(
    codes: Array,
    factors: Array,
    *,
    rng: Array,
    num_train: int = 10_000,
    num_test: int = 5_000,
    continuous: bool = False,
) -> dict:
    """By how much the best single code predicts each factor better than the second best does.

    Args:
        codes: [N, D].
        factors: [N, F] integers.
        rng: key, draws the rows.
        num_train: rows to fit to.
        num_test: other rows, to score on.
        continuous: predict by a line (squared correlation) instead of a support vector machine.

    Returns:
        `sap` in [0, 1], and `predictability` [D, F]: accuracies, or squared correlations.
    """
    codes = checked_codes(codes)
    levels = checked_factors(factors, len(codes))
    train, test = train_test_rows(rng, len(codes), num_train, num_test)
    if continuous:
        predictability = squared_correlations(codes[train], np.asarray(factors)[train])
    else:
        predictability = svm_accuracies(codes[train], levels[train], codes[test], levels[test])
    return {"sap": predictability_gap(predictability), "predictability": predictability}


def predictability_gap(predictability: np.ndarray) -> float:
    """Mean over factors of the best minus the second best code of [D, F]; one code has no rival."""
    ranked = np.sort(predictability, axis=0)[::-1]
    return float((ranked[0] - (ranked[1] if len(ranked) > 1 else 0.0)).mean())


def squared_correlations(codes: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """cov^2 / (var var) of every code with every factor, [D, F]; 0 for a dead code."""
    both = np.cov(codes, factors, rowvar=False, dtype=np.float64)
    dim = codes.shape[1]
    spread = np.diag(both)[:dim, None] * np.diag(both)[None, dim:]
    alive = (np.diag(both)[:dim, None] > 1e-12) & (spread > 0)
    return np.where(alive, both[:dim, dim:] ** 2 / np.where(alive, spread, 1.0), 0.0)


def svm_accuracies(
    train_codes: np.ndarray, train_levels: np.ndarray, codes: np.ndarray, levels: np.ndarray
) -> np.ndarray:
    """Test accuracy of a linear SVM from every single code to every factor, [D, F].

    The machine is scikit-learn's `LinearSVC(C=0.01, class_weight="balanced")`: squared hinge loss,
    one class against the rest, the intercept penalised like the slope.

    Args:
        train_codes, codes: [N, D], to fit and to score on.
        train_levels, levels: [N, F] in 0, 1, ...
    """
    num_classes = int(max(train_levels.max(), levels.max())) + 1
    columns = [
        _accuracies(train_codes, train_level, codes, level, num_classes)
        for train_level, level in zip(train_levels.T, levels.T, strict=True)
    ]
    return np.stack(columns, axis=1)


@partial(jax.jit, static_argnums=4)
def _accuracies(train_codes, train_labels, codes, labels, num_classes: int) -> Array:
    """Test accuracies [D] of one-dimensional machines for one factor."""

    def accuracy(pair: tuple[Array, Array]) -> Array:
        line = _fit(pair[0], train_labels, num_classes)  # [K, 2]
        scores = pair[1][:, None] * line[None, :, 0] + line[None, :, 1]
        return (scores.argmax(1) == labels).mean()

    return jax.lax.map(accuracy, (train_codes.T, codes.T))


def _fit(x: Array, labels: Array, num_classes: int, c: float = 0.01) -> Array:
    """Slopes and intercepts [K, 2] of one class against the rest, from a single code x [N].

    With x sorted, the rows inside the margin are a stretch of each class: every sum that Newton's
    method needs is a difference of two running sums, and a step costs O(K log N).
    """
    num_points = len(labels)
    x_all = jnp.sort(x)
    order = jnp.lexsort((x, labels))
    x_own = x[order]
    counts = jnp.bincount(labels, length=num_classes)
    start = jnp.cumsum(counts) - counts
    own = _Stretch(x_own, start, start + counts)
    everything = _Stretch(x_all, jnp.zeros_like(start), jnp.full_like(start, num_points))
    present = (counts > 0).sum()
    balanced = num_points / (present * jnp.maximum(counts, 1))  # [K]
    # Of two classes both are weighted, of more only the one that stands against the rest.
    rest = jnp.where(present == 2, num_points / (2 * jnp.maximum(num_points - counts, 1)), 1.0)

    def sums(line: Array) -> tuple[Array, Array]:
        """Gradient [K, 2] and Hessian [K, 2, 2] of |line|^2 / 2 + sum_i c_i hinge_i^2."""
        inside = own.below(line, 1.0)  # y = 1: those with w x + b < 1
        outside = everything.above(line, -1.0) - own.above(line, -1.0)  # y = -1: w x + b > -1
        weights = c * jnp.stack([balanced, rest], axis=1)  # [K, 2]
        moments = jnp.stack([inside, outside], axis=1) * weights[:, :, None]  # [K, 2, 3]
        n, sx, sxx = moments.sum(1).T
        sign = moments[:, 0] - moments[:, 1]  # sum_i c_i y_i (1, x, x^2)
        hessian = jnp.stack([jnp.stack([sxx, sx], -1), jnp.stack([sx, n], -1)], -2) * 2
        gradient = jnp.einsum("kij,kj->ki", hessian, line) - 2 * sign[:, 1::-1]
        return gradient + line, hessian + jnp.eye(2, dtype=x.dtype)[None]

    def newton(_, line: Array) -> Array:
        gradient, hessian = sums(line)
        return line - jnp.linalg.solve(hessian, gradient[..., None])[..., 0]

    line = jax.lax.fori_loop(0, NEWTON_STEPS, newton, jnp.zeros((num_classes, 2), x.dtype))
    # A class without examples is never predicted.
    return line.at[:, 1].add(jnp.where(counts > 0, 0.0, -jnp.inf))


class _Stretch:
    """Sums of (1, x, x^2) over rows of a sorted stretch of x per class."""

    def __init__(self, x: Array, start: Array, end: Array):
        self.x, self.start, self.end = x, start, end
        powers = jnp.stack([jnp.ones_like(x), x, x * x], axis=1)
        self.running = jnp.pad(jnp.cumsum(powers, axis=0), ((1, 0), (0, 0)))  # [N + 1, 3]

    def below(self, line: Array, margin: float) -> Array:
        """[K, 3] over the rows with slope * x + intercept < margin."""
        slope, intercept = line.T
        flat = slope == 0
        edge = (margin - intercept) / jnp.where(flat, 1.0, slope)
        cut = self._first_at_least(edge)
        left, right = self._between(self.start, cut), self._between(cut, self.end)
        whole = jnp.where((intercept < margin)[:, None], left + right, 0.0)
        return jnp.where(flat[:, None], whole, jnp.where((slope > 0)[:, None], left, right))

    def above(self, line: Array, margin: float) -> Array:
        """[K, 3] over the rows with slope * x + intercept > margin."""
        return self.below(-line, -margin)

    def _between(self, low: Array, high: Array) -> Array:
        return self.running[high] - self.running[low]

    def _first_at_least(self, edge: Array) -> Array:
        """Where in each class's stretch x reaches `edge` [K], by bisection."""

        def halve(_, ends):
            low, high = ends
            middle = (low + high) // 2
            less = (self.x[jnp.minimum(middle, len(self.x) - 1)] < edge) & (low < high)
            return jnp.where(less, middle + 1, low), jnp.where(less, high, middle)

        steps = len(self.x).bit_length() + 1
        return jax.lax.fori_loop(0, steps, halve, (self.start, self.end))[0]
