"""The dense layer is flax's, and for many samples one product of matrices, forward and backward."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vaejax.core.platform import native_operations
from vaejax.nn.dense import Dense

X = jax.random.normal(jax.random.key(0), (4, 5, 3))  # [K, B, D]
OURS, FLAX = Dense(2), nn.Dense(2)
PARAMS = FLAX.init(jax.random.key(1), X[0])


def over_samples(layer):
    return lambda params, x: jnp.tanh(jax.vmap(lambda x: layer.apply(params, x))(x)).sum()


def each(layer):
    """Gradients of one sample at a time."""
    gradient = jax.grad(lambda params, x: jnp.tanh(layer.apply(params, x)).sum(), (0, 1))
    return jax.vmap(gradient, (None, 0))


def both_mapped(layer):
    several = jax.tree.map(lambda leaf: jnp.stack([leaf] * 4), PARAMS)
    return lambda _, x: jax.vmap(layer.apply)(several, x)


@pytest.mark.parametrize(
    "of",
    [
        lambda layer: lambda params, x: layer.apply(params, x[0]),
        lambda layer: layer.apply,  # more axes than two
        lambda layer: jax.value_and_grad(over_samples(layer), (0, 1)),
        lambda layer: jax.jacfwd(over_samples(layer), (0, 1)),
        lambda layer: jax.hessian(over_samples(layer)),
        each,
        both_mapped,
    ],
)
def test_it_is_the_layer_of_flax(of):
    ours, theirs = (of(layer)(PARAMS, X) for layer in (OURS, FLAX))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), ours, theirs)


def test_its_parameters_are_those_of_flax():
    ours = OURS.init(jax.random.key(1), X[0])
    jax.tree.map(np.testing.assert_array_equal, ours, PARAMS)


def products(layer):
    """Shapes of what a gradient over samples multiplies."""
    program = jax.make_jaxpr(jax.grad(over_samples(layer), (0, 1)))(PARAMS, X)
    names = ("dot_general", "product_of_rows")
    equations = [e for e in program.jaxpr.eqns if e.primitive.name in names]
    return [[operand.aval.shape for operand in e.invars] for e in equations]


def test_samples_and_examples_are_rows_of_one_matrix():
    assert products(OURS) == [[(20, 3), (3, 2)], [(3, 20), (20, 2)], [(20, 2), (2, 3)]]
    with native_operations():
        assert (4, 5, 3) in [shape for shapes in products(OURS) for shape in shapes]
