"""The oracle is jax's own."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vaejax.core.platform import native_operations
from vaejax.nn.swish import swish


@pytest.mark.parametrize("order", [0, 1, 2])
def test_values_and_derivatives(order):
    x = jnp.linspace(-30.0, 30.0, 121)
    ours, expected = swish, jax.nn.swish
    for _ in range(order):
        ours, expected = jax.grad(ours), jax.grad(expected)
    np.testing.assert_allclose(jax.vmap(ours)(x), jax.vmap(expected)(x), rtol=1e-5, atol=2e-6)


def test_gradient_in_bfloat16():
    x = jnp.linspace(-12.0, 12.0, 49)
    exact = jax.vmap(jax.grad(jax.nn.swish))(x)
    rounded = jax.vmap(jax.grad(swish))(x.astype(jnp.bfloat16))
    assert rounded.dtype == jnp.bfloat16
    np.testing.assert_allclose(rounded.astype(jnp.float32), exact, rtol=0.02, atol=1e-6)


def test_forward_mode_where_it_is_native():
    x = jnp.linspace(-2.0, 2.0, 5)
    with native_operations():
        _, tangents = jax.jvp(swish, (x,), (jnp.ones_like(x),))
    np.testing.assert_allclose(tangents, jax.vmap(jax.grad(jax.nn.swish))(x), rtol=1e-6)
