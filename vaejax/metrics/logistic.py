"""Logistic regression by Newton's method: convex, so the solution is that of any other solver.

A few steps replace the hundreds that first-order methods take. With many classes the Hessian is
never formed: conjugate gradients need only its products with vectors.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from vaejax.types import Array

MAX_STEPS = 50
MIN_LENGTH = 2.0**-10  # of a Newton step
CG_STEPS = 40
CG_TOLERANCE = 1e-2  # of a Newton step's linear system: a more exact one saves no steps
RIDGE = 1e-6  # keeps the preconditioner finite for a class that takes no part


class Linear(NamedTuple):
    """Scores x w + b [N, K] of classes: weights [D, K] and intercepts [K]."""

    weights: Array
    intercepts: Array

    def scores(self, x: Array) -> Array:
        return x @ self.weights + self.intercepts[None]

    def probabilities(self, x: Array) -> Array:
        """Of the classes [N, K], for a multinomial regression."""
        return jax.nn.softmax(self.scores(x))

    def accuracy(self, x: Array, labels: Array) -> Array:
        """Share of rows [N, D] whose highest score is that of their label [N]."""
        return (self.scores(x).argmax(1) == labels).mean()


@partial(jax.jit, static_argnames="num_classes")
def multinomial(
    x: Array, labels: Array, sample_weights: Array, *, num_classes: int, l2: float | Array
) -> Linear:
    """Minimise  sum_n s_n -log softmax(x_n W + b)[y_n] + l2 / 2 |W|^2;  b goes free.

    scikit-learn's `LogisticRegression(C=1 / l2)`. Classes that no label has are left out, as if
    they were not there.

    Args:
        x: [N, D].
        labels: [N] integers in [0, num_classes).
        sample_weights: [N], s_n.
        num_classes: K.
        l2: > 0.
    """
    num_points, dim = x.shape
    inputs = jnp.concatenate([x, jnp.ones((num_points, 1), x.dtype)], axis=1)  # [N, D + 1]
    penalty = jnp.append(jnp.full(dim, l2, x.dtype), 0.0)
    targets = jax.nn.one_hot(labels, num_classes, dtype=x.dtype)
    absent = (sample_weights @ targets) == 0
    shut = jnp.where(absent, -1e9, 0.0).astype(x.dtype)[None]

    def loss(theta: Array) -> Array:  # [D + 1, K]
        log_p = jax.nn.log_softmax(inputs @ theta + shut)
        return -sample_weights @ (targets * log_p).sum(1) + 0.5 * penalty @ (theta**2).sum(1)

    def direction(theta: Array) -> Array:
        p = jax.nn.softmax(inputs @ theta + shut)
        weighted = sample_weights[:, None] * p
        gradient = inputs.T @ (weighted - sample_weights[:, None] * targets)
        gradient += penalty[:, None] * theta

        def hessian(v: Array) -> Array:  # sum_n s_n x_n (diag p - p p')(x_n' v) + penalty v
            along = inputs @ v
            along -= (p * along).sum(1, keepdims=True)
            return inputs.T @ (weighted * along) + penalty[:, None] * v

        # Preconditioned by the exact inverse of each class's own block.
        blocks = jnp.einsum("nk,ni,nj->kij", weighted * (1 - p), inputs, inputs)
        inverse = jnp.linalg.inv(blocks + jnp.diag(penalty + RIDGE)[None])

        def precondition(v: Array) -> Array:
            return jnp.einsum("kij,jk->ik", inverse, v)

        return jax.scipy.sparse.linalg.cg(
            hessian, gradient, tol=CG_TOLERANCE, maxiter=CG_STEPS, M=precondition
        )[0]

    theta = _minimise(loss, direction, jnp.zeros((dim + 1, num_classes), x.dtype))
    # Only differences between intercepts matter: let those of the classes that occur sum to 0.
    intercepts = theta[-1] - jnp.where(absent, 0.0, theta[-1]).sum() / (~absent).sum()
    theta = theta.at[-1].set(intercepts + shut[0])
    return Linear(theta[:-1], theta[-1])


@partial(jax.jit, static_argnames="num_classes")
def one_vs_rest(x: Array, labels: Array, *, num_classes: int, l2: float | Array) -> Linear:
    """One binary regression per class, the intercept penalised like a weight, as liblinear does.

    scikit-learn's `LogisticRegression` before version 0.22. The arguments are as in `multinomial`.
    """
    inputs = jnp.concatenate([x, jnp.ones((len(x), 1), x.dtype)], axis=1)

    def fit(label: Array) -> Array:
        signs = jnp.where(labels == label, 1.0, -1.0).astype(x.dtype)

        def loss(w: Array) -> Array:
            return jax.nn.softplus(-signs * (inputs @ w)).sum() + 0.5 * l2 * w @ w

        def direction(w: Array) -> Array:
            p = jax.nn.sigmoid(-signs * (inputs @ w))
            gradient = -(signs * p) @ inputs + l2 * w
            hessian = (inputs * (p * (1 - p))[:, None]).T @ inputs
            return jnp.linalg.solve(hessian + l2 * jnp.eye(len(w), dtype=x.dtype), gradient)

        return _minimise(loss, direction, jnp.zeros(inputs.shape[1], x.dtype))

    theta = jax.lax.map(fit, jnp.arange(num_classes))  # [K, D + 1]
    return Linear(theta[:, :-1].T, theta[:, -1])


def _minimise(loss, direction, start: Array) -> Array:
    """Newton steps, each halved until it is downhill, until the loss falls no further."""
    tolerance = 4 * jnp.finfo(start.dtype).eps

    def go_on(carry) -> Array:
        step, _, value, previous = carry
        return (step < MAX_STEPS) & (previous - value > tolerance * jnp.abs(value))

    def step(carry):
        count, theta, value, _ = carry
        move = direction(theta)

        def uphill(tried) -> Array:
            return ~(tried[1] <= value) & (tried[0] > MIN_LENGTH)  # also where it is not finite

        def halve(tried):
            return tried[0] / 2, loss(theta - tried[0] / 2 * move)

        length, new = jax.lax.while_loop(uphill, halve, (1.0, loss(theta - move)))
        better = new <= value
        theta = jnp.where(better, theta - length * move, theta)
        return count + 1, theta, jnp.where(better, new, value), value

    infinity = jnp.asarray(jnp.inf, start.dtype)
    return jax.lax.while_loop(go_on, step, (0, start, loss(start), infinity))[1]
