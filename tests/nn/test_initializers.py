"""Initialisers: the bounds of their distributions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vaejax.nn.initializers import bias_init, glorot_uniform, kernel_init

SHAPE = (3, 3, 16, 64)


@pytest.mark.parametrize(
    ("init", "expected"),
    [
        (kernel_init, jax.nn.initializers.variance_scaling(1 / 3, "fan_in", "uniform")),
        (glorot_uniform, jax.nn.initializers.glorot_uniform()),
        (bias_init(144), jax.nn.initializers.variance_scaling(1 / 3, "fan_in", "uniform")),
    ],
    ids=["kernel", "glorot", "bias"],
)
def test_draws_are_those_of_jax(rng, init, expected):
    np.testing.assert_allclose(init(rng, SHAPE), expected(rng, SHAPE), rtol=1e-4, atol=1e-6)
    assert init(rng, (2, 3), jnp.bfloat16).dtype == jnp.bfloat16
