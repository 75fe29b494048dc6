"""The activation swish, x sigmoid(x), also known as SiLU."""

import jax
import jax.numpy as jnp

from vaejax.core.platform import is_native
from vaejax.types import Array


def swish(x: Array) -> Array:
    """x sigmoid(x), of any shape.

    On CPU its gradient is computed from x again: to keep the sigmoid costs passes through memory.
    """
    return jax.nn.swish(x) if is_native() else _swish(x)


@jax.custom_vjp
def _swish(x: Array) -> Array:
    return x / (1.0 + jnp.exp(-x))


def _swish_bwd(x: Array, grad: Array) -> tuple[Array]:
    # By tanh, lest XLA find the sigmoid of the forward pass again and keep it; which cancels for
    # negative x, so not in half precision.
    z = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    sigmoid = 0.5 + 0.5 * jnp.tanh(0.5 * z)
    return ((grad * sigmoid * (1.0 + z * (1.0 - sigmoid))).astype(x.dtype),)


_swish.defvjp(lambda x: (_swish(x), x), _swish_bwd)
