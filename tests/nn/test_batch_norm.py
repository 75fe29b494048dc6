"""Batch normalisation: the definition, PyTorch's running statistics, the global batch."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from vaejax.core.mesh import DATA_AXIS
from vaejax.nn.batch_norm import BatchNorm
from vaejax.nn.resize import nearest_double


def batch(size=8, dtype=jnp.float32):
    noise = np.random.default_rng(0).standard_normal((size, 3, 2, 4))
    return jnp.asarray(3.0 * noise + np.arange(4.0), dtype)


def with_scale(variables):
    params = {"scale": jnp.array([1.0, 2.0, -1.0, 0.5]), "bias": jnp.arange(4.0)}
    return {**variables, "params": params}


def test_training_normalises_with_the_batch_and_moves_towards_it(rng):
    layer, x = BatchNorm(), batch()
    variables = with_scale(layer.init(rng, x, False))
    y, state = layer.apply(variables, x, True, mutable=["batch_stats"])
    mean, var = x.mean((0, 1, 2)), x.var((0, 1, 2))
    scale, bias = variables["params"]["scale"], variables["params"]["bias"]
    expected = (x - mean[None, None, None]) / np.sqrt(var + 1e-5)[None, None, None]
    expected = expected * scale[None, None, None] + bias[None, None, None]
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(state["batch_stats"]["mean"], 0.05 * mean, rtol=1e-5)
    unbiased = x.var((0, 1, 2), ddof=1)
    np.testing.assert_allclose(state["batch_stats"]["var"], 0.95 + 0.05 * unbiased, rtol=1e-5)


def test_evaluation_normalises_with_the_running_statistics(rng):
    layer, x = BatchNorm(), batch()
    variables = with_scale(layer.init(rng, x, False))
    stats = {"mean": jnp.arange(4.0), "var": jnp.array([1.0, 4.0, 9.0, 16.0])}
    y = layer.apply({**variables, "batch_stats": stats}, x, False)
    expected = variables["params"]["scale"] * (x[0, 0, 0] - stats["mean"])
    expected = expected / jnp.sqrt(stats["var"] + 1e-5) + variables["params"]["bias"]
    np.testing.assert_allclose(y[0, 0, 0], expected, rtol=1e-5, atol=1e-6)


def normalised(x):
    return BatchNorm().apply(with_scale({}), x, True, mutable=["batch_stats"])[0]


def by_definition(x):
    mean, var = x.mean((0, 1, 2), keepdims=True), x.var((0, 1, 2), keepdims=True)
    params = with_scale({})["params"]
    scale, bias = (params[name].reshape(1, 1, 1, -1) for name in ("scale", "bias"))
    return (x - mean) / jnp.sqrt(var + 1e-5) * scale + bias


def test_derivatives_are_those_of_the_definition():
    x = batch()

    def slope(function):
        return jax.grad(lambda x: jnp.sum(jnp.sin(function(x))))

    def curvature(function):
        return jax.grad(lambda x: jnp.sum(jnp.cos(slope(function)(x))))

    for derivative in (slope, curvature):
        expected = jax.jit(derivative(by_definition))(x)
        tolerance = 1e-5 * float(jnp.abs(expected).max())
        actual = jax.jit(derivative(normalised))(x)
        np.testing.assert_allclose(actual, expected, rtol=0, atol=tolerance)
    dx = 1.0 + x**2
    _, expected = jax.jvp(by_definition, (x,), (dx,))
    _, actual = jax.jvp(normalised, (x,), (dx,))
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-4)


def test_statistics_before_pixels_are_repeated(rng):
    x = batch()
    variables = BatchNorm().init(rng, x, False)
    before, state = BatchNorm(repeats=4).apply(variables, x, True, mutable=["batch_stats"])
    after, expected = BatchNorm().apply(variables, nearest_double(x), True, mutable=["batch_stats"])
    np.testing.assert_allclose(nearest_double(before), after, rtol=1e-5, atol=1e-6)
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-7), state, expected)


def test_shards_share_the_statistics_of_the_global_batch(rng):
    layer, x = BatchNorm(), batch(16)
    variables = layer.init(rng, x, False)

    def apply(x):
        return layer.apply(variables, x, True, mutable=["batch_stats"])

    whole, state = apply(x)
    mapped = jax.pmap(apply, axis_name=DATA_AXIS)(x.reshape(8, 2, *x.shape[1:]))
    np.testing.assert_allclose(mapped[0].reshape(x.shape), whole, rtol=1e-4, atol=1e-5)
    for name in ("mean", "var"):
        expected = state["batch_stats"][name]
        np.testing.assert_allclose(mapped[1]["batch_stats"][name][3], expected, rtol=1e-5)


def test_gradients_cross_shards(rng):
    x, target = batch(16), batch(16) ** 2

    def loss(x, target):
        return jnp.sum(target * jnp.sin(normalised(x)))

    whole = jax.grad(loss)(x, target)
    split = (a.reshape(8, 2, *a.shape[1:]) for a in (x, target))
    mapped = jax.pmap(jax.grad(loss), axis_name=DATA_AXIS)(*split)
    np.testing.assert_allclose(mapped.reshape(x.shape), whole, rtol=1e-3, atol=1e-3)


def test_statistics_stay_in_float32_where_the_network_is_bfloat16(rng):
    layer, x = BatchNorm(), batch(dtype=jnp.bfloat16)
    variables = layer.init(rng, x, False)
    y, state = layer.apply(variables, x, True, mutable=["batch_stats"])
    assert y.dtype == jnp.bfloat16
    assert {leaf.dtype for leaf in jax.tree.leaves(state)} == {jnp.dtype(jnp.float32)}
