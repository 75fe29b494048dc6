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


def solved_in_order(
    update: Callable[..., Array], start: Array, rank: np.ndarray, *given: Any
) -> Array:
    """The z [B, ...] with z = update(z, *given), which `jax.grad` differentiates (`jvp` does not).

    Args:
        update: whose outputs depend on coordinates of z of lower rank alone; it closes over nothing
            that is traced.
        start: an array like z, of any finite values; no gradient reaches it.
        rank: of every coordinate of an example [...], whole numbers from 0.
        *given: trees of arrays, which gradients reach.
    """

    @jax.custom_vjp
    def solution(start: Array, given: Any) -> Array:
        return _repeated(lambda z: update(z, *given), start, rank)

    def forward(start: Array, given: Any) -> tuple[Array, Any]:
        z = solution(start, given)
        return z, (z, given)

    def backward(kept: tuple[Array, Any], gradient: Array) -> tuple[Array, Any]:
        _, pull = jax.vjp(lambda z, given: update(z, *given), *kept)
        # dz = J dz + du has the solution (I - J)^-1 du, so its transpose w = J' w + gradient.
        w = _repeated(lambda w: gradient + pull(w)[0], gradient, rank.max() - rank)
        return jnp.zeros_like(gradient), pull(w)[1]

    solution.defvjp(forward, backward)
    return solution(start, given)


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

    begin = (jnp.array(0), start, jnp.array(True))
    return jax.lax.while_loop(goes_on, one_more, begin)[1]
