"""What is defined one coordinate after another, found for all of them at once.

z_i = update(z_1 .. z_i-1)_i has one solution. One coordinate after another it takes as many passes
as there are coordinates. To repeat z <- update(z) makes at least one more coordinate right with
every pass and ends as soon as nothing changes: the earlier, the less the coordinates depend on each
other, and with the same numbers. The gradient is that of the solution, by the implicit function
theorem: a triangular system, which is solved likewise.

Reference: Song, Meng, Liao & Ermon, Accelerating feedforward computation via parallel nonlinear
    equation solving, 2021 (Jacobi's iteration).
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vaejax.types import Array

REACH = 1e6  # of coordinates that are not right yet, so that none of them overflows meanwhile


def solved_in_order(update: Callable[[Array], Array], start: Array, rank: np.ndarray) -> Array:
    """The z [B, ...] with z = update(z), which `jax.grad` differentiates (`jax.jvp` does not).

    Args:
        update: whose outputs depend on inputs of lower rank alone.
        start: an array like z, of any finite values; no gradient reaches it.
        rank: of every coordinate of an example [...], whole numbers from 0.
    """
    pure, closed_over = jax.closure_convert(update, start)
    start = jax.lax.stop_gradient(start)

    @jax.custom_vjp
    def solution(start: Array, closed_over: Any) -> Array:
        return _repeated(lambda z: pure(z, *closed_over), start, rank)

    def forward(start: Array, closed_over: Any) -> tuple[Array, Any]:
        z = solution(start, closed_over)
        return z, (z, closed_over)

    def backward(kept: tuple[Array, Any], gradient: Array) -> tuple[Array, Any]:
        z, pull = kept[0], jax.vjp(lambda z, *given: pure(z, *given), kept[0], *kept[1])[1]
        # dz = J dz + du has the solution (I - J)^-1 du, so its transpose w = J' w + gradient.
        w = _repeated(lambda w: gradient + pull(w)[0], gradient, rank.max() - rank)
        return jnp.zeros_like(z), list(pull(w)[1:])

    solution.defvjp(forward, backward)
    return solution(start, closed_over)


def _repeated(update: Callable[[Array], Array], start: Array, rank: np.ndarray) -> Array:
    most, rank = rank.max() + 1, rank[None]  # passes

    def goes_on(carried: tuple[Array, Array, Array]) -> Array:
        number, _, changed = carried
        return changed & (number < most)

    def one_more(carried: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        number, z, _ = carried
        new = update(z)
        bounded = jnp.where(rank <= number, new, jnp.clip(new, -REACH, REACH))
        return number + 1, bounded, (new != z).any()

    return jax.lax.while_loop(goes_on, one_more, (0, start, jnp.array(True)))[1]
