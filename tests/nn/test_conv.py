"""The oracle is lax: same values and gradients, wherever a convolution may be called from."""

import re
import time

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import NamedSharding, PartitionSpec

from vaejax.core.platform import native_operations
from vaejax.nn import _cpu_conv
from vaejax.nn.conv import (
    Conv,
    ConvTranspose,
    conv,
    conv_transpose,
    depthwise_doubled,
)
from vaejax.nn.resize import nearest_double

FUNCTIONS = (conv, conv_transpose)
both = pytest.mark.parametrize("function", FUNCTIONS)


def normal(*shape: int, seed: int = 0) -> jax.Array:
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape), jnp.float32)


def with_gradients(function, stride=1, **window):
    """`(x, kernel) -> (y, dx, dkernel)` of a loss that is not linear in y."""

    def values(x, kernel):
        y, vjp = jax.vjp(lambda x, kernel: function(x, kernel, stride=stride, **window), x, kernel)
        return y, *vjp(jnp.cos(y))

    return values


def natively(call, *args):
    with native_operations():
        return jax.jit(lambda *a: call(*a))(*args)


def assert_close(actual, expected, tolerance=2e-6):
    """Relative to the largest entry: sums in another order, nothing else."""
    for a, b in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        assert a.shape == b.shape and a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * float(jnp.abs(b).max()))


@pytest.mark.parametrize("size", [(7, 6), (8, 8)])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel_size", [1, 2, 3, 4, 5])
@both
def test_values_and_gradients_are_those_of_lax(function, kernel_size, stride, size):
    x, kernel = normal(3, *size, 5), normal(kernel_size, kernel_size, 5, 4)
    call = with_gradients(function, stride)
    assert_close(jax.jit(call)(x, kernel), natively(call, x, kernel))


@pytest.mark.parametrize("channels", [(1, 4), (4, 1), (3, 3)])
@pytest.mark.parametrize(("kernel_size", "stride"), [(3, 1), (4, 2)])
@both
def test_any_number_of_channels(function, kernel_size, stride, channels):
    x, kernel = normal(2, 6, 4, channels[0]), normal(kernel_size, kernel_size, *channels)
    call = with_gradients(function, stride)
    assert_close(jax.jit(call)(x, kernel), natively(call, x, kernel))


@pytest.mark.parametrize(("kernel_size", "stride"), [(3, 1), (3, 2), (4, 2)])
@both
def test_kernel_gradient_in_steps(function, kernel_size, stride, monkeypatch):
    x, kernel = normal(24, 5, 6, 2), normal(kernel_size, kernel_size, 2, 4)
    call = with_gradients(function, stride)
    assert "scan" not in str(jax.make_jaxpr(call)(x, kernel))
    monkeypatch.setattr(_cpu_conv, "CACHED", 24)
    jax.clear_caches()
    assert "scan" in str(jax.make_jaxpr(call)(x, kernel))
    assert_close(jax.jit(call)(x, kernel), natively(call, x, kernel))


@pytest.mark.parametrize(("kernel_size", "stride"), [(3, 1), (3, 2), (4, 2), (5, 3)])
def test_conv_transpose_is_the_adjoint_of_conv(kernel_size, stride):
    x, y = normal(2, 4 * stride, 2 * stride, 3), normal(2, 4, 2, 5, seed=1)
    kernel = normal(kernel_size, kernel_size, 3, 5)
    transposed = conv_transpose(y, kernel[::-1, ::-1].swapaxes(2, 3), stride=stride)
    expected = jnp.vdot(conv(x, kernel, stride=stride), y)
    np.testing.assert_allclose(jnp.vdot(x, transposed), expected, rtol=1e-4)


@pytest.mark.parametrize(
    "window",
    [
        {"stride": 2, "padding": 1},
        {"stride": 2, "padding": 2, "dilation": 2},
        {"padding": 0},
        {"padding": 2, "dilation": 2},
        {"dilation": 2},
        {"stride": 2, "padding": 1, "groups": 2},
    ],
    ids=str,
)
def test_other_windows(window):
    x, kernel = normal(2, 8, 6, 4), normal(3, 3, 4 // window.get("groups", 1), 6)
    call = with_gradients(conv, **window)
    assert_close(jax.jit(call)(x, kernel), natively(call, x, kernel))
    one, other = normal(2, 8, 6, 6), normal(3, 3, 6 // window.get("groups", 1), 2)
    assert_close(jax.jit(call)(one, other), natively(call, one, other))


@pytest.mark.parametrize("taps", [(1, 1), (2, 3)])
@pytest.mark.parametrize("padding", [((0, 0), (1, -1)), ((2, -1), (1, 1)), ((-1, 2), (-1, 0))])
def test_an_image_may_be_shifted(taps, padding):
    """As that of the shifted image; lax itself reads beyond images on CPU (jax 0.10.2)."""
    x, kernel = normal(8, 5, 6, 8), normal(*taps, 8, 4)

    def of_the_shifted(x, kernel, stride):
        (above, below), (left, right) = (((max(s, 0), max(-s, 0)) for s in p) for p in padding)
        x = x[:, above[1] : 5 - below[1], left[1] : 6 - right[1]]
        x = jnp.pad(x, ((0, 0), (above[0], below[0]), (left[0], right[0]), (0, 0)))
        return conv(x, kernel, stride=stride, padding=0)

    shifted, expected = with_gradients(conv, padding=padding), with_gradients(of_the_shifted)
    assert_close(jax.jit(shifted)(x, kernel), natively(expected, x, kernel))
    assert_close(natively(shifted, x, kernel), natively(expected, x, kernel))


@pytest.mark.parametrize("padding", [None, 2])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel_size", [3, 5])
@pytest.mark.parametrize("size", [(7, 6), (8, 8)])
def test_depthwise_values_and_gradients_are_those_of_lax(size, kernel_size, stride, padding):
    x, kernel = normal(3, *size, 5), normal(kernel_size, kernel_size, 1, 5)
    call = with_gradients(conv, stride, padding=padding, groups=5)
    expected = natively(call, x, kernel)
    assert_close(jax.jit(call)(x, kernel), expected)
    in_scan = jax.lax.map(lambda kernel: call(x, kernel), kernel[None])
    assert_close(jax.tree.map(lambda leaf: leaf[0], in_scan), expected)


def test_doubled_images_need_odd_kernels():
    with pytest.raises(ValueError, match=r"kernel: expected \[k, k, 1, 2\], k odd"):
        depthwise_doubled(normal(1, 4, 4, 2), normal(4, 4, 1, 2))


@pytest.mark.parametrize(("stride", "dilation"), [(1, 2), (3, 3)])
def test_dilated_depthwise(stride, dilation):
    x, kernel = normal(2, 9, 8, 3), normal(3, 3, 1, 3)
    call = with_gradients(conv, stride, dilation=dilation, groups=3)
    assert_close(jax.jit(call)(x, kernel), natively(call, x, kernel))


@pytest.mark.parametrize(("kernel_size", "size"), [(3, (3, 4)), (5, (3, 4)), (7, (1, 1))])
def test_depthwise_of_a_doubled_image(kernel_size, size):
    x, kernel = normal(2, *size, 3), normal(kernel_size, kernel_size, 1, 3)

    def literally(x, kernel, stride):
        padding = kernel_size // 2
        return conv(nearest_double(x), kernel, stride=stride, padding=padding, groups=3)

    call = with_gradients(lambda x, kernel, stride: depthwise_doubled(x, kernel))
    expected = natively(with_gradients(literally), x, kernel)
    assert_close(jax.jit(call)(x, kernel), expected)
    assert_close(natively(call, x, kernel), expected)


@pytest.mark.parametrize("stride", [1, 2])
def test_depthwise_derivatives_beyond_the_first(stride):
    x, kernel = normal(1, 4, 4, 2), normal(3, 3, 1, 2)

    def loss(x, kernel):
        return jnp.sum(jnp.sin(conv(x, kernel, stride=stride, groups=2)))

    def curvature(x, kernel):
        def squared(x, kernel):
            dx, dkernel = jax.grad(loss, (0, 1))(x, kernel)
            return jnp.sum(dx**2) + jnp.sum(dkernel**2)

        return jax.grad(squared, (0, 1))(x, kernel)

    assert_close(curvature(x, kernel), natively(curvature, x, kernel), tolerance=1e-5)


@both
def test_inside_scan_and_vmap(function):
    x, kernels = normal(2, 4, 4, 4), normal(3, 4, 4, 4, 4)
    call = with_gradients(function, 2)
    one_by_one = [jax.jit(call)(x, kernel) for kernel in kernels]
    expected = jax.tree.map(lambda *leaves: jnp.stack(leaves), *one_by_one)
    assert_close(jax.lax.map(lambda kernel: call(x, kernel), kernels), expected)
    assert_close(jax.vmap(call, (None, 0))(x, kernels), expected)


@both
def test_many_models_at_once_are_convolved_one_after_another(function):
    images, kernels = normal(3, 2, 6, 6, 4), normal(3, 4, 4, 4, 4)
    call = with_gradients(function, 2)
    one_by_one = [jax.jit(call)(x, kernel) for x, kernel in zip(images, kernels, strict=True)]
    expected = jax.tree.map(lambda *leaves: jnp.stack(leaves), *one_by_one)
    together = jax.jit(jax.vmap(call))
    assert_close(together(images, kernels), expected)
    groups = re.findall(r"feature_group_count = (\d+)", together.lower(images, kernels).as_text())
    assert groups and set(groups) == {"1"}


@pytest.mark.parametrize("cached", [1, 2**19])
def test_replicated_kernel_on_eight_devices(cached, monkeypatch):
    monkeypatch.setattr(_cpu_conv, "CACHED", cached)
    jax.clear_caches()
    x, kernel = normal(16, 4, 4, 4), normal(4, 4, 4, 4)

    def gradient(kernel, x):
        def loss(kernel):
            y = jnp.tanh(conv(x, kernel, stride=2))
            return jnp.mean(jnp.sin(conv_transpose(y, kernel, stride=2)))

        return jax.grad(loss)(kernel)

    expected = natively(gradient, kernel, x)
    mesh = jax.make_mesh((8,), ("data",), (jax.sharding.AxisType.Auto,))
    whole, split = NamedSharding(mesh, PartitionSpec()), NamedSharding(mesh, PartitionSpec("data"))
    sharded = jax.jit(gradient, in_shardings=(whole, split), out_shardings=whole)
    assert_close(sharded(kernel, x), expected)
    # The devices exchange gradients, never images.
    assert "all-gather" not in sharded.lower(kernel, x).compile().as_text()
    mapped = jax.pmap(
        lambda kernel, x: jax.lax.pmean(gradient(kernel, x), "data"),
        axis_name="data",
        in_axes=(None, 0),
        out_axes=None,
    )
    assert_close(mapped(kernel, x.reshape(8, 2, 4, 4, 4)), expected)


@both
def test_bfloat16(function):
    x, kernel = normal(2, 6, 6, 4).astype(jnp.bfloat16), normal(4, 4, 4, 4).astype(jnp.bfloat16)
    call = with_gradients(function, 2)
    assert_close(jax.jit(call)(x, kernel), natively(call, x, kernel), tolerance=2e-2)


@both
def test_derivatives_beyond_the_first(function):
    x, kernel = normal(1, 4, 4, 2), normal(2, 2, 2, 4)

    def loss(kernel):
        return jnp.sum(jnp.sin(function(x, kernel, stride=2)))

    def curvature(kernel):
        return jax.grad(lambda kernel: jnp.sum(jax.grad(loss)(kernel) ** 2))(kernel)

    assert_close(curvature(kernel), natively(curvature, kernel), tolerance=1e-5)
    with pytest.raises(TypeError, match="forward-mode"):
        jax.jvp(loss, (kernel,), (kernel,))
    with native_operations():
        _, tangent = jax.jvp(loss, (kernel,), (kernel,))
    np.testing.assert_allclose(tangent, jnp.vdot(jax.grad(loss)(kernel), kernel), rtol=1e-4)


@both
def test_other_platforms_run_the_native_convolution(function, monkeypatch):
    x, kernel = normal(1, 4, 4, 2), normal(2, 2, 2, 4)

    def jaxpr():
        return str(jax.make_jaxpr(lambda x, kernel: function(x, kernel, stride=2))(x, kernel))

    assert "custom_vjp" in jaxpr()
    monkeypatch.setattr(jax, "default_backend", lambda: "tpu")
    assert "custom_vjp" not in jaxpr()


@pytest.mark.parametrize("stride", [1, 2])
@both
def test_every_convolution_is_canonical(function, stride):
    """XLA:CPU runs others in a scalar loop inside `lax.scan`, 10 to 30 times slower."""
    call = with_gradients(function, stride)
    jaxpr = str(jax.make_jaxpr(call)(normal(2, 8, 8, 4), normal(4, 4, 4, 4)))
    specs = re.findall(r"lhs_spec=(.*?), rhs_spec=(.*?), out_spec=(.*?\))", jaxpr, re.DOTALL)
    assert len(specs) >= 3
    assert set(specs) == {("(0, 3, 1, 2)", "(3, 2, 0, 1)", "(0, 3, 1, 2)")}


@pytest.mark.parametrize(
    ("ours", "flax_layer"), [(Conv, nn.Conv), (ConvTranspose, nn.ConvTranspose)]
)
@pytest.mark.parametrize("dtype", [None, jnp.bfloat16])
def test_layers_equal_those_of_flax(ours, flax_layer, dtype, rng):
    layer = ours(6, 3, 2, dtype=dtype)
    expected_layer = flax_layer(6, (3, 3), (2, 2), dtype=dtype)
    x = normal(2, 8, 6, 4)
    params = layer.init(rng, x)
    expected_params = expected_layer.init(rng, x)
    assert jax.tree.map(jnp.shape, params) == jax.tree.map(jnp.shape, expected_params)
    assert {leaf.dtype for leaf in jax.tree.leaves(params)} == {jnp.dtype(jnp.float32)}
    assert not params["params"]["bias"].any()
    params["params"]["bias"] = normal(6)
    tolerance = 2e-6 if dtype is None else 2e-2
    assert_close(layer.apply(params, x), expected_layer.apply(params, x), tolerance)


def test_layer_without_bias(rng):
    params = Conv(2, 1, use_bias=False).init(rng, normal(1, 2, 2, 3))
    assert set(params["params"]) == {"kernel"}


@both
def test_wrong_shapes_are_named(function):
    with pytest.raises(ValueError, match=r"x: expected \[B, H, W, C\], got shape \(4, 4, 3\)"):
        function(normal(4, 4, 3), normal(3, 3, 3, 2), stride=1)
    with pytest.raises(ValueError, match=r"kernel: expected \[h, w, 3, O\], got shape \(3, 3, 2"):
        function(normal(1, 4, 4, 3), normal(3, 3, 2, 2), stride=1)


@pytest.mark.slow
@both
def test_gradients_in_scan_cost_what_they_cost_outside(function):
    kernels = 0.1 * normal(8, 4, 4, 16, 16)
    x = normal(16, 16, 16, 16)

    def layer(x, kernel):
        return function(x, kernel, stride=2)

    def step(kernel):
        return jax.grad(lambda kernel: jnp.sum(jnp.sin(layer(x, kernel))))(kernel)

    in_scan = jax.jit(lambda kernels: jax.lax.map(step, kernels))
    unrolled = jax.jit(lambda kernels: jnp.stack([step(kernel) for kernel in kernels]))

    def cpu_seconds(run):
        start = time.process_time()
        for _ in range(5):
            jax.block_until_ready(run(kernels))
        return time.process_time() - start

    assert_close(in_scan(kernels), unrolled(kernels))
    ratios = [cpu_seconds(in_scan) / cpu_seconds(unrolled) for _ in range(5)]
    assert sorted(ratios)[2] < 3
