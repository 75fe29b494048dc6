"""The one place that asks which platform this is."""

import jax
import jax.numpy as jnp

from vaejax.core.platform import is_native, native_operations, on_cpu
from vaejax.nn.conv import conv
from vaejax.nn.swish import swish


def test_a_function_traced_before_is_traced_again_within_the_context():
    traced = []

    @jax.jit
    def ask(x):
        traced.append(is_native())
        return x

    ask(1.0)
    with native_operations():
        ask(1.0)
        ask(2.0)
    ask(1.0)
    assert traced == [not on_cpu(), True]


def test_forward_mode_works_within_the_context_after_the_function_was_compiled():
    f = jax.jit(lambda x: swish(conv(x, jnp.ones((3, 3, 1, 2)))).sum())
    x = jnp.linspace(-1.0, 1.0, 64).reshape(1, 8, 8, 1)
    gradient = jax.grad(f)(x)
    with native_operations():
        _, change = jax.jvp(f, (x,), (jnp.ones_like(x),))
    assert jnp.allclose(change, gradient.sum(), rtol=1e-4)
