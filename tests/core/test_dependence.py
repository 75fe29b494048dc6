"""What a function looks at is found without computing it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vaejax.core.dependence import looks_at

ELSEWHERE = np.arange(3.0, dtype=np.float32)


@pytest.mark.parametrize(
    ("function", "looks"),
    [
        (lambda x: x, True),
        (lambda x: ELSEWHERE + jnp.sin(x), True),
        (lambda x: jax.jit(jnp.cos)(x), True),
        (lambda x: jax.lax.fori_loop(0, 2, lambda i, y: y + x, ELSEWHERE), True),
        (lambda x: (ELSEWHERE, x.sum()), True),
        (lambda x: ELSEWHERE, False),
        (lambda x: jnp.exp(ELSEWHERE) + jnp.ones(x.shape), False),
        (lambda x: (jnp.sin(x), ELSEWHERE)[1], False),
        (lambda x: 1.0, False),
    ],
)
def test_values_count_and_shapes_do_not(function, looks):
    assert looks_at(function, ELSEWHERE) == looks
    assert looks_at(function, jax.ShapeDtypeStruct((3,), np.float32)) == looks


def test_what_is_traced_already_is_from_elsewhere():
    def inner(x, y):
        assert looks_at(lambda x: x * y, x) and not looks_at(lambda _: 2 * y, x)
        return x

    jax.jit(inner)(ELSEWHERE, ELSEWHERE)


def test_trees_and_keys_are_arguments():
    keys = jax.random.split(jax.random.key(0), 2)
    assert looks_at(lambda some: jax.random.bits(some["keys"][0]), {"keys": keys})
    assert not looks_at(lambda some: jnp.zeros(len(some["keys"])), {"keys": keys})
