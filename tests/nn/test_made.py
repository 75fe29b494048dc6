"""Masked networks: exactly causal, also where a context comes in, and complete."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vaejax.nn.made import MADE, GridMADE, degrees

CASES = {
    "vector": (MADE((7, 9)), (5,), (3,)),
    "narrow": (MADE((3,)), (5,), (2,)),
    "one": (MADE((2,)), (1,), (2,)),
    "grid": (GridMADE((4, 6)), (3, 3, 2), (3, 3, 4)),
    "one channel": (GridMADE((3,)), (2, 3, 1), (2, 3, 1)),
}


def drawn(tree, reach=0.7):
    """Parameters as far from the first as may be, also outside the masks."""
    rng = np.random.default_rng(0)
    return jax.tree.map(lambda x: rng.normal(0, reach, x.shape).astype(np.float32), tree)


@pytest.fixture(scope="module", params=CASES)
def jacobians(request):
    """Of shifts and log-scales with respect to z and to the context, [P, P] and [P, E]; P, name."""
    network, shape, context = CASES[request.param]
    size = int(np.prod(shape))

    @jax.jit
    def of(z, c):
        variables = jax.eval_shape(network.init, jax.random.key(0), z[None], c[None])

        def outputs(z, c):
            return tuple(x.ravel() for x in network.apply(drawn(variables), z[None], c[None]))

        return jax.jacrev(outputs, (0, 1))(z, c)

    rng = np.random.default_rng(1)
    found = of(*(rng.normal(size=s).astype(np.float32) for s in (shape, context)))
    return request.param, [tuple(np.reshape(x, (size, -1)) for x in pair) for pair in found]


def test_outputs_look_at_what_comes_before_alone(jacobians):
    name, found = jacobians
    for by_z, _ in found:
        assert (np.triu(by_z) == 0).all()
        assert (by_z[-1, :-1] != 0).all() or name in ("narrow", "one channel")
        if name == "vector":
            assert (by_z[np.tril_indices(len(by_z), -1)] != 0).all()


def test_the_context_reaches_every_output(jacobians):
    name, found = jacobians
    for _, by_context in found:
        if name in ("grid", "one channel"):  # that of its own place, at the least
            assert (by_context != 0).any(1).all()
        else:
            assert (by_context != 0).all()


@pytest.mark.parametrize(
    ("width", "size", "expected"),
    [(6, 3, [0, 0, 1, 1, 2, 2]), (3, 5, [0, 1, 3]), (2, 1, [0, 0]), (1, 4, [0])],
)
def test_degrees_are_spread_over_what_there_is_to_see(width, size, expected):
    np.testing.assert_array_equal(degrees(width, size), expected)


@pytest.mark.parametrize("name", ["vector", "grid"])
def test_masked_weights_start_at_zero_and_have_no_gradient(name):
    network, shape, context = CASES[name]
    z, c = jnp.ones((1, *shape)), jnp.ones((1, *context))

    @jax.jit
    def first():
        variables = network.init(jax.random.key(0), z, c)
        astray = drawn(variables)
        gradient = jax.grad(lambda v: sum((x**2).sum() for x in network.apply(v, z, c)))(astray)
        return variables["params"], gradient["params"], network.apply(variables, z, c)

    params, gradient, outputs = first()
    for output in outputs:
        np.testing.assert_array_equal(output, 0.0)
    seen = params["hidden_0"]["kernel"] != 0
    assert 0 < seen.sum() < seen.size
    assert (gradient["hidden_0"]["kernel"][~seen] == 0).all()
    assert (gradient["hidden_0"]["kernel"][seen] != 0).mean() > 0.9


def test_widths_that_channels_cannot_share_are_refused():
    with pytest.raises(ValueError, match=r"hidden: expected multiples of the 2 channels .* \(3,\)"):
        jax.eval_shape(GridMADE((3,)).init, jax.random.key(0), jnp.zeros((1, 2, 2, 2)))
