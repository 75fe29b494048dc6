"""Logistic regression by Newton's method: convex, so the solution is that of any other solver.

A few steps with the exact Hessian replace the hundreds that first-order methods take.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from vaejax.types import Array

MAX_STEPS = 50
HALVINGS = (1.0, 0.5, 0.25, 0.125, 2.0**-5, 2.0**-8, 0.0)  # step lengths tried, best taken


class Linear(NamedTuple):
    """Scores x w + b [N, K] of classes: weights [D, K] and intercepts [K]."""

    weights: Array
    intercepts: Array

    def scores(self, x: Array) -> Array:
        return x @ self.weights + self.intercepts[None]

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
        residual = sample_weights[:, None] * (p - targets)
        gradient = inputs.T @ residual + penalty[:, None] * theta
        # Hessian [K, D+1, K, D+1] = sum_n s_n (diag p - p p') x x' + penalty
        scaled = p * jnp.sqrt(sample_weights)[:, None]
        mixed = (scaled[:, :, None] * inputs[:, None, :]).reshape(num_points, -1)
        hessian = -(mixed.T @ mixed)
        blocks = jnp.einsum("nk,ni,nj->kij", p * sample_weights[:, None], inputs, inputs)
        same = jnp.eye(num_classes, dtype=x.dtype)
        hessian += jnp.einsum("kl,kij->kilj", same, blocks).reshape(hessian.shape)
        # A shift of all classes alike changes no probability, and the gradient has no part along
        # it: curvature added there leaves the step as it is and makes the matrix definite.
        shift = jnp.diagonal(blocks.sum(0)) / num_classes + 1.0
        hessian += jnp.kron(jnp.ones_like(same), jnp.diag(shift))
        hessian += jnp.kron(jnp.diag(jnp.where(absent, 1.0, 0.0)), jnp.eye(dim + 1, dtype=x.dtype))
        hessian += jnp.kron(same, jnp.diag(penalty))
        factor = jax.scipy.linalg.cho_factor(hessian)
        return jax.scipy.linalg.cho_solve(factor, gradient.T.reshape(-1)).reshape(-1, dim + 1).T

    theta = _minimise(loss, direction, jnp.zeros((dim + 1, num_classes), x.dtype))
    theta = theta.at[-1].add(shut[0])
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
    """Newton steps with the best of a few lengths, until the loss falls no further."""
    lengths = jnp.asarray(HALVINGS, start.dtype)
    tolerance = 10 * jnp.finfo(start.dtype).eps

    def go_on(carry) -> Array:
        step, _, value, previous = carry
        return (step < MAX_STEPS) & (previous - value > tolerance * jnp.abs(value))

    def step(carry):
        count, theta, value, _ = carry
        move = direction(theta)
        values = jax.lax.map(lambda length: loss(theta - length * move), lengths)
        best = jnp.nanargmin(values)
        return count + 1, theta - lengths[best] * move, values[best], value

    infinity = jnp.asarray(jnp.inf, start.dtype)
    return jax.lax.while_loop(go_on, step, (0, start, loss(start), infinity))[1]
