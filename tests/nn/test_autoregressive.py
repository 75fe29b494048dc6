"""Masks and flows: official arrays, causality, and a volume that is preserved."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.nn.official import hwio, load, nhwc
from tests.precision import enable_x64
from vaejax.nn.autoregressive import MaskedConv, ShiftFlow, ShiftFlowPair, causal_mask, masked
from vaejax.nn.weight_norm import kernels_in_use


def test_official_masks(vectors):
    masks = {name: a for name, a in load(vectors).items() if name.startswith("armask/")}
    assert len(masks) == 5
    for name, expected in masks.items():
        parts = re.findall(r"([a-z]+)(\d+)", name.split("/")[1])
        settings = {key: int(value) for key, value in parts}
        kernel = hwio(expected)
        mask = causal_mask(
            kernel.shape,
            depthwise=settings["g"] > 1,
            zero_diagonal=bool(settings["zd"]),
            mirror=bool(settings["mir"]),
        )
        np.testing.assert_array_equal(mask, kernel, err_msg=name)


def official_flow(arrays):
    """The variables of a `ShiftFlowPair`."""

    def layer(name, **more):
        weight = hwio(arrays[f"pairedar/sd/{name}.weight"])
        log_norm = arrays[f"pairedar/sd/{name}.log_weight_norm"].reshape(-1)
        return {"kernel": weight, "log_norm": log_norm, **more}

    params = {}
    for cell, ours in (("cell1", "forward"), ("cell2", "backward")):
        bias = {"bias": arrays[f"pairedar/sd/{cell}.mu.conv_0.bias"]}
        params[ours] = {
            "dense": layer(f"{cell}.conv.convz.0"),
            "depthwise": layer(f"{cell}.conv.convz.2"),
            "mean": layer(f"{cell}.mu.conv_0", **bias),
        }
    return {"params": params}


def test_official_flow(vectors):
    arrays = load(vectors)
    with enable_x64(True):
        z = jax.jit(ShiftFlowPair().apply)(official_flow(arrays), nhwc(arrays["pairedar/z"]))
        np.testing.assert_allclose(z, nhwc(arrays["pairedar/new_z"]), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("mirror", [False, True])
def test_a_flow_looks_back_alone_and_preserves_the_volume(rng, mirror):
    flow, z = ShiftFlow(mirror=mirror), jax.random.normal(rng, (1, 3, 3, 2))
    variables = jax.jit(flow.init)(rng, z)

    @jax.jit
    @jax.jacrev
    def jacobian_of(z):
        return flow.apply(variables, z.reshape(1, 3, 3, 2)).ravel()

    order = np.arange(18).reshape(3, 3, 2)
    order = (order[::-1, ::-1] if mirror else order).ravel()
    jacobian = np.asarray(jacobian_of(z.ravel()))[np.ix_(order, order)]
    np.testing.assert_allclose(np.triu(jacobian, 1), 0.0, atol=1e-7)
    np.testing.assert_allclose(np.diagonal(jacobian), 1.0, rtol=1e-6)
    assert np.abs(np.tril(jacobian, -1)).max() > 1e-4


def test_masked_entries_start_at_zero_and_get_no_gradient(rng):
    layer, x = MaskedConv(4, 3, zero_diagonal=True), jnp.ones((1, 3, 3, 2))
    params = jax.jit(layer.init)(rng, x)["params"]

    @jax.jit
    @jax.grad
    def gradient(params):
        return jnp.sum(layer.apply({"params": params}, x) ** 2)

    grads = gradient(params)
    mask = causal_mask((3, 3, 2, 4), depthwise=False, zero_diagonal=True, mirror=False)
    for kernel in (params["kernel"], grads["kernel"]):
        assert not kernel[mask == 0].any()
        assert kernel[mask == 1].all()


def test_a_penalty_on_kernels_in_use_does_not_reach_outside_the_masks(rng):
    """Not even where entries there are not zero, and although normalisation mixes all entries."""
    params = jax.jit(ShiftFlowPair().init)(rng, jnp.ones((1, 3, 3, 2)))["params"]
    inside = jax.tree.map(lambda leaf: leaf != 0, params)
    astray = jax.tree.map(lambda leaf: jnp.where(leaf == 0, 1.0, leaf), params)
    for name, kernel in kernels_in_use(masked({"flow_0": params})).items():
        other = kernels_in_use(masked({"flow_0": astray}))[name]
        np.testing.assert_array_equal(kernel, other)

    def penalty(params):
        kernels = kernels_in_use(masked({"flow_0": params})).values()
        return sum(
            jnp.abs(kernel * jnp.cos(jnp.arange(kernel.size).reshape(kernel.shape))).sum()
            for kernel in kernels
        )

    grads = jax.grad(penalty)(astray)
    for flow in ("forward", "backward"):
        for layer in ("dense", "depthwise", "mean"):
            seen = inside[flow][layer]["kernel"]
            assert not grads[flow][layer]["kernel"][~seen].any()
            assert grads[flow][layer]["kernel"][seen].any()
