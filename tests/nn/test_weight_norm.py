"""Weight-normalised convolutions: official arrays, and what a kernel in use is."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.nn.official import hwio, load, nhwc
from tests.precision import enable_x64
from vaejax.nn.weight_norm import (
    WeightNormConv,
    initial_log_norm,
    kernels_in_use,
    weight_normalised,
)


@pytest.mark.parametrize("case", range(3))
def test_official_layers(vectors, case):
    arrays = load(vectors)
    arrays = {k.split("/")[2]: a for k, a in arrays.items() if k.startswith(f"convwn/{case}/")}
    with enable_x64(True):
        kernel, log_norm = hwio(arrays["weight"]), arrays["log_weight_norm"].reshape(-1)
        params = {"kernel": kernel, "log_norm": log_norm.astype(float), "bias": arrays["bias"]}
        layer = WeightNormConv(kernel.shape[-1], kernel.shape[0])
        y = layer.apply({"params": params}, nhwc(arrays["x"]))
        np.testing.assert_allclose(y, nhwc(arrays["y"]), rtol=1e-9, atol=1e-9)
        in_use = weight_normalised(kernel, params["log_norm"])
        np.testing.assert_allclose(in_use, hwio(arrays["weight_normalized"]), rtol=1e-12)


def test_a_new_kernel_is_in_use_almost_as_it_is(rng):
    kernel = jax.random.normal(rng, (3, 3, 4, 2))
    norm = jnp.linalg.norm(kernel.reshape(-1, 2), axis=0)
    in_use = weight_normalised(kernel, initial_log_norm(kernel))
    expected = kernel * ((norm + 0.01) / norm)[None, None, None]
    np.testing.assert_allclose(in_use, expected, rtol=1e-4)


def test_norms_are_the_learned_ones_but_for_the_margin(rng):
    kernel = jax.random.normal(rng, (2, 3, 3, 4, 5))  # two stacked layers
    log_norm = jnp.arange(10.0).reshape(2, 5) / 10.0
    norms = jnp.sqrt((weight_normalised(kernel, log_norm) ** 2).sum((1, 2, 3)))
    np.testing.assert_allclose(norms, jnp.exp(log_norm), rtol=1e-4)


def test_kernels_in_use_are_those_of_convolutions():
    params = {
        "a": {"kernel": jnp.ones((1, 1, 4, 2)), "log_norm": jnp.zeros(2)},
        "b": {"kernel": jnp.full((3, 3, 1, 4), 2.0)},
        "dense": {"kernel": jnp.ones((3, 4, 5))},
    }
    kernels = kernels_in_use(params)
    assert set(kernels) == {"a/kernel", "b/kernel"}
    np.testing.assert_allclose(kernels["a/kernel"], 0.5, rtol=1e-4)
    np.testing.assert_array_equal(kernels["b/kernel"], 2.0)


@pytest.mark.parametrize(("stride", "dilation"), [(1, 2), (2, 1)])
def test_zeros_lie_on_every_side_alike(rng, stride, dilation):
    """A symmetric kernel keeps a symmetric image symmetric."""
    layer = WeightNormConv(2, 3, stride, dilation)
    x = jnp.ones((1, 9, 9, 1))
    params = layer.init(rng, x)["params"]
    params["kernel"] = jnp.ones_like(params["kernel"])
    y = layer.apply({"params": params}, x)
    assert y.shape == (1, -(-9 // stride), -(-9 // stride), 2)
    np.testing.assert_allclose(y, y[:, ::-1, ::-1], rtol=1e-5)
    assert not np.allclose(y[0, 0, 0], y[0, 2, 2])
