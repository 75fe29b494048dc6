"""Linear regression with an L1 penalty, by coordinate descent on second moments.

Tibshirani, "Regression Shrinkage and Selection via the Lasso", 1996; Friedman, Hastie, Tibshirani,
"Regularization Paths for Generalized Linear Models via Coordinate Descent", 2010, Eq. 5.
"""

import jax
import jax.numpy as jnp

from vaejax.types import AnyArray, Array

SWEEPS = 200


@jax.jit
def lasso(x: AnyArray, y: AnyArray, alpha: float | AnyArray) -> Array:
    """Coefficients [D, F] that minimise  |y - x w|^2 / (2 N) + alpha |w|_1  for every target.

    scikit-learn's `Lasso(alpha)`; both sides are centred, which stands for the intercept.

    Args:
        x: [N, D]; a constant column gets the coefficient 0.
        y: [N, F].
        alpha: >= 0.
    """
    x, y = x - x.mean(0, keepdims=True), y - y.mean(0, keepdims=True)
    moments, targets = x.T @ x / len(x), x.T @ y / len(x)
    curvature = jnp.diagonal(moments)

    def update(d: Array, w: Array) -> Array:
        residual = targets[d] - moments[d] @ w + curvature[d] * w[d]
        shrunk = jnp.sign(residual) * jnp.maximum(jnp.abs(residual) - alpha, 0.0)
        alive = curvature[d] > 0
        return w.at[d].set(jnp.where(alive, shrunk / jnp.where(alive, curvature[d], 1.0), 0.0))

    def sweep(_, w: Array) -> Array:
        return jax.lax.fori_loop(0, x.shape[1], update, w)

    return jax.lax.fori_loop(0, SWEEPS, sweep, jnp.zeros_like(targets))
