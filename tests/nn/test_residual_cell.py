"""Residual cells: the official reduction, shapes at every size, and what the skip path does."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.nn.official import hwio, load, nhwc
from tests.precision import enable_x64
from vaejax.nn.cell_operations import InvertedBottleneck, PreActivationConv
from vaejax.nn.residual_cell import FactorizedReduce, ResidualCell
from vaejax.nn.resize import bilinear_double
from vaejax.nn.squeeze_excite import SqueezeExcite


def test_official_factorized_reduce(vectors):
    arrays = load(vectors)
    with enable_x64(True):
        params = {}
        for i in range(4):
            name = f"ops/facred_sd/conv_{i + 1}"
            params[f"conv_{i}"] = {
                "kernel": hwio(arrays[f"{name}.weight"]),
                "log_norm": arrays[f"{name}.log_weight_norm"].reshape(-1),
                "bias": arrays[f"{name}.bias"],
            }
        y = FactorizedReduce(8).apply({"params": params}, nhwc(arrays["ops/facred_x"]))
        np.testing.assert_allclose(y, nhwc(arrays["ops/facred_y"]), rtol=1e-9, atol=1e-12)


OPERATIONS = {
    "swish": (PreActivationConv,) * 2,
    "dilated": (partial(PreActivationConv, dilation=2),),
    "elu": (partial(PreActivationConv, normalise=False, activation=jax.nn.elu),),
    "bottleneck": (InvertedBottleneck,),
    "grouped": (partial(InvertedBottleneck, groups=8),),
    "wide": (partial(InvertedBottleneck, kernel_size=11),),
}


@pytest.mark.parametrize("operations", OPERATIONS)
@pytest.mark.parametrize(
    ("resample", "shape"), [("same", (4, 6, 8)), ("down", (2, 3, 16)), ("up", (8, 12, 4))]
)
def test_shapes(operations, resample, shape):
    cell = ResidualCell(shape[-1], OPERATIONS[operations], resample)
    x = jax.ShapeDtypeStruct((2, 4, 6, 8), jnp.float32)
    y, _ = jax.eval_shape(partial(cell.init_with_output, train=False), jax.random.key(0), x)
    assert y.shape == (2, *shape)


def test_without_a_residual_the_cell_is_its_skip_path(rng):
    cell = ResidualCell(2, (InvertedBottleneck,), "up")
    x = jax.random.normal(rng, (1, 3, 2, 4))
    variables = jax.jit(cell.init, static_argnums=2)(rng, x, False)
    params = variables["params"]
    params["operation_0"]["norm_out"]["scale"] = jnp.zeros(2)
    y = jax.jit(cell.apply, static_argnums=2)({**variables, "params": params}, x, False)
    kernel = params["skip"]["kernel"][0, 0]
    norms = jnp.linalg.norm(kernel, axis=0)
    kernel = kernel * (jnp.exp(params["skip"]["log_norm"]) / norms)[None]
    np.testing.assert_allclose(y, bilinear_double(x) @ kernel, rtol=1e-3, atol=1e-4)


def test_squeeze_excite_gates_whole_channels(rng):
    layer, x = SqueezeExcite(), jax.random.normal(rng, (2, 3, 3, 32))
    variables = layer.init(rng, x)
    assert variables["params"]["squeeze"]["kernel"].shape == (32, 4)
    gates = layer.apply(variables, x) / x
    assert ((gates > 0) & (gates < 1)).all()
    np.testing.assert_allclose(gates, jnp.broadcast_to(gates[:, :1, :1], x.shape), rtol=1e-4)
