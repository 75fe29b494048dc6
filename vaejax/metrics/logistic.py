"""Logistic regression by Newton's method: convex, so the solution is that of any other solver.

A few steps replace the hundreds that first-order methods take. The Hessian of a multinomial one is
never formed: conjugate gradients need only its products with vectors.
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from vaejax.metrics.standardise import nonzero
from vaejax.metrics.tracing import is_traced, namespace, while_loop
from vaejax.types import AnyArray

MAX_STEPS = 50
TOLERANCE = 1e-9  # of the loss, relative, or what its precision can tell
MIN_LENGTH = 2.0**-10  # of a Newton step
CG_STEPS = 40
CG_TOLERANCE = 0.3  # of a Newton step's linear system: a more exact one saves few steps
NEVER = -1e9  # the intercept of a class that does not occur
RIDGE = 1e-6  # keeps matrices regular where no weight is left
SMALL_PRODUCT = 2**18  # multiplications: for more, OpenBLAS wakes threads that cost more than help


class Linear(NamedTuple):
    """Scores x w + b [N, K] of classes: weights [D, K] and intercepts [K]."""

    weights: AnyArray
    intercepts: AnyArray

    def scores(self, x: AnyArray) -> AnyArray:
        """Of rows [N, D], one of each class: [N, K]."""
        xp = namespace(x, self.weights)
        chunks = [x[rows] @ self.weights for rows in _chunks(xp, len(x), self.weights.size)]
        return xp.concatenate(chunks) + self.intercepts[None]

    def probabilities(self, x: AnyArray) -> AnyArray:
        """Of the classes [N, K], for a multinomial regression."""
        return _softmax(namespace(x, self.weights), self.scores(x).T)[0].T

    def accuracy(self, x: AnyArray, labels: AnyArray) -> AnyArray:
        """Share of rows [N, D] whose highest score is that of their label [N]."""
        return (self.scores(x).argmax(1) == labels).mean()


class Rows(NamedTuple):
    """Some rows of the data; the rows lie along the last axis.

    Attributes:
        inputs: [D + 1, n], the last is 1.
        targets: [K, n], one-hot.
        weights: [1, n].
    """

    inputs: AnyArray
    targets: AnyArray
    weights: AnyArray


def multinomial(
    x: AnyArray,
    labels: AnyArray,
    *,
    num_classes: int,
    l2: float,
    sample_weights: AnyArray | None = None,
) -> Linear:
    """Minimise  sum_n s_n -log softmax(x_n W + b)[y_n] + l2 / 2 |W|^2;  b goes free.

    scikit-learn's `LogisticRegression(C=1 / l2)`. Classes that no label has are left out, as if
    they were not there.

    Args:
        x: [N, D].
        labels: [N] integers in [0, num_classes).
        num_classes: K.
        l2: > 0.
        sample_weights: [N], s_n; 1 by default.
    """
    xp, dim = namespace(x, labels), x.shape[1]
    present = np.arange(num_classes) if is_traced(labels) else np.unique(labels)
    penalty = np.append(np.full(dim, l2), 0.0).astype(x.dtype)[None]  # [1, D + 1]
    weights = np.ones(len(x)) if sample_weights is None else sample_weights
    chunks = [
        Rows(
            xp.concatenate([x[rows].T, xp.ones((1, len(x[rows])), x.dtype)]),
            xp.asarray(present[:, None] == labels[None, rows], x.dtype),
            xp.asarray(weights[None, rows], x.dtype),
        )
        for rows in _chunks(xp, len(x), len(present) * (dim + 1))
    ]

    def value(theta: AnyArray) -> tuple[AnyArray, list[AnyArray]]:  # of theta [K, D + 1]
        """The loss, and the probabilities [K, n] of every chunk."""
        loss, probabilities = 0.5 * (penalty * theta**2).sum(), []
        for inputs, targets, weights in chunks:
            scores = theta @ inputs
            p, log_total = _softmax(xp, scores)
            loss += weights[0] @ (log_total - (targets * scores).sum(0))
            probabilities.append(p)
        return loss, probabilities

    def direction(theta: AnyArray, probabilities: list[AnyArray]) -> AnyArray:
        gradient, curvature = penalty * theta, np.diag(penalty[0])
        scale: Any = RIDGE
        for (inputs, targets, weights), p in zip(chunks, probabilities, strict=True):
            gradient += (weights * (p - targets)) @ inputs.T
            spread = weights * p * (1.0 - p)
            scale += spread.sum(1, keepdims=True)
            curvature = curvature + (inputs * spread.mean(0, keepdims=True)) @ inputs.T

        def hessian(v: AnyArray) -> AnyArray:  # sum_n s_n (diag p - p p')(v x_n) x_n' + penalty v
            image = penalty * v
            for (inputs, _, weights), p in zip(chunks, probabilities, strict=True):
                along = v @ inputs
                along *= p
                along -= p * along.sum(0, keepdims=True)
                along *= weights
                image += along @ inputs.T
            return image

        # Preconditioned by the mean of the classes' own blocks, each to its class's scale.
        inverse = xp.linalg.inv(_raised(curvature, x.dtype)).astype(x.dtype)
        scale = scale / scale.mean()
        return _conjugate_gradients(xp, hessian, gradient, lambda v: (v @ inverse) / scale)

    # A class without examples has the probability 0, from which nothing draws it away.
    occurs: Any = sum(rows.targets.sum(1) for rows in chunks) > 0
    never = xp.asarray(xp.where(occurs, 0.0, NEVER), x.dtype)
    start = xp.concatenate([xp.zeros((len(present), dim), x.dtype), never[:, None]], axis=1)
    theta = _minimise(xp, value, direction, start)
    # Only differences between intercepts matter: let those of the classes that occur sum to 0.
    intercepts = theta[:, -1] - (theta[:, -1] - never).sum() / occurs.sum()
    place = np.eye(num_classes, dtype=x.dtype)[present]  # [present, K]
    absent = np.where(place.any(0), 0.0, NEVER).astype(x.dtype)
    return Linear(theta[:, :-1].T @ place, intercepts @ place + absent)


def one_vs_rest(x: AnyArray, labels: AnyArray, *, num_classes: int, l2: float) -> Linear:
    """One binary regression per class, the intercept penalised like a weight, as liblinear does.

    scikit-learn's `LogisticRegression` before version 0.22. The arguments are as in `multinomial`.
    """
    xp = namespace(x, labels)
    inputs = xp.concatenate([x, xp.ones((len(x), 1), x.dtype)], axis=1)  # [N, D + 1]

    def fit(label: int) -> AnyArray:
        signs = xp.asarray(xp.where(labels == label, 1.0, -1.0), x.dtype)

        def value(w: AnyArray) -> tuple[AnyArray, AnyArray]:
            """The loss, and the probability of error [N]."""
            margin = signs * (inputs @ w)
            loss = xp.logaddexp(0.0, -margin).sum() + 0.5 * l2 * w @ w
            return loss, 0.5 * (1.0 - xp.tanh(0.5 * margin))

        def direction(w: AnyArray, p: AnyArray) -> AnyArray:
            gradient = -(signs * p) @ inputs + l2 * w
            hessian = (inputs * (p * (1 - p))[:, None]).T @ inputs
            hessian = _raised(hessian + l2 * xp.eye(len(w), dtype=x.dtype), x.dtype)
            return xp.linalg.solve(hessian, gradient)

        return _minimise(xp, value, direction, xp.zeros(inputs.shape[1], x.dtype))

    theta = xp.stack([fit(label) for label in range(num_classes)])  # [K, D + 1]
    return Linear(theta[:, :-1].T, theta[:, -1])


def _raised(matrix: AnyArray, dtype: Any) -> AnyArray:
    """A sum of squares computed in `dtype`, its diagonal raised above rounding: never singular."""
    xp = namespace(matrix)
    return matrix + xp.diag(32 * np.finfo(dtype).eps * xp.diagonal(matrix) + RIDGE)


def _chunks(xp: ModuleType, num_rows: int, row_size: int) -> list[slice]:
    """Rows that NumPy should multiply at a time, whose scores then stay in the processor's cache.

    XLA gets all rows at once: it fuses what follows a product.
    """
    size = num_rows if xp is jnp else max(SMALL_PRODUCT // row_size, 100)
    return [slice(start, start + size) for start in range(0, num_rows, size)]


def _softmax(xp: ModuleType, scores: AnyArray) -> tuple[AnyArray, AnyArray]:
    """Probabilities [K, n] of scores [K, n], and log sum_k exp of them [n]."""
    highest = scores.max(0)
    p = xp.exp(scores - highest[None])
    total = p.sum(0)
    p /= total[None]
    return p, xp.log(total) + highest


def _minimise(
    xp: ModuleType,
    value: Callable[[AnyArray], tuple[AnyArray, Any]],
    direction: Callable[[AnyArray, Any], AnyArray],
    start: AnyArray,
) -> AnyArray:
    """Newton steps, each halved until it is downhill, until the loss falls no further.

    Args:
        xp: the namespace.
        value: the loss at a point, and what `direction` needs to know of it.
        direction: the Newton step at a point, to be subtracted.
        start: the first point.
    """

    tolerance = max(TOLERANCE, 4 * float(np.finfo(start.dtype).eps))

    def go_on(carry: tuple) -> AnyArray:
        count, _, (loss, _), previous = carry
        return (count < MAX_STEPS) & (previous - loss > tolerance * abs(loss))

    def step(carry: tuple) -> tuple:
        count, theta, (loss, known), _ = carry
        move = direction(theta, known)

        def uphill(tried: tuple) -> AnyArray:
            return ~(tried[1][0] <= loss) & (tried[0] > MIN_LENGTH)  # also where it is not finite

        def halve(tried: tuple) -> tuple:
            return tried[0] / 2, value(theta - tried[0] / 2 * move)

        one = xp.ones((), start.dtype)
        length, new = while_loop(xp, uphill, halve, (one, value(theta - move)))
        downhill = new[0] <= loss  # or else stay
        theta = xp.where(downhill, theta - length * move, theta)
        return count + 1, theta, (xp.where(downhill, new[0], loss), new[1]), loss

    infinity = xp.asarray(np.inf, start.dtype)
    return while_loop(xp, go_on, step, (0, start, value(start), infinity))[1]


def _conjugate_gradients(
    xp: ModuleType,
    product: Callable[[AnyArray], AnyArray],
    target: AnyArray,
    precondition: Callable[[AnyArray], AnyArray],
) -> AnyArray:
    """x with `product(x)` = `target`, to a residual of CG_TOLERANCE (Hestenes & Stiefel, 1952)."""
    enough = CG_TOLERANCE**2 * (target**2).sum()

    def go_on(carry: tuple) -> AnyArray:
        count, _, residual, _, _ = carry
        return (count < CG_STEPS) & ((residual**2).sum() > enough)

    def step(carry: tuple) -> tuple:
        count, x, residual, along, descent = carry
        image = product(along)
        curvature = (along * image).sum()
        # Where the product is nothing but rounding, so is what is left of the target.
        flat = ~(curvature > np.finfo(target.dtype).eps * descent)
        length = xp.where(flat, 0.0, descent / nonzero(curvature))
        residual = xp.where(flat, 0.0, residual - length * image)
        z = precondition(residual)
        new = (residual * z).sum()
        return count + 1, x + length * along, residual, z + new / nonzero(descent) * along, new

    z = precondition(target)
    carry = (0, xp.zeros_like(target), target, z, (target * z).sum())
    return while_loop(xp, go_on, step, carry)[1]
