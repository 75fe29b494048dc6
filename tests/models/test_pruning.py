"""A network without some of its units: those that are dead, and against a smaller network."""

import jax
import numpy as np
import pytest

from tests.models.variables import latent_noise, random_variables
from vaejax.models import DenseHierarchy
from vaejax.models.pruning import without_units

SIZES = (2, 3, 4)
LAYERS = {"deep": ((5,), (6, 7), (8,)), "linear": ((), (), ())}
GONE = (np.array([1, 0]) == 1, np.array([0, 1, 1]) == 1, np.array([0, 0, 1, 0]) == 1)
MEANS = tuple(np.random.default_rng(0).normal(size=size).astype(np.float32) for size in SIZES)


def model_of(hidden, sizes=SIZES):
    return DenseHierarchy((8, 8, 1), latent_sizes=sizes, hidden=hidden)


def weights(model, params, batch, noise):
    apply = jax.jit(model.apply)
    return np.asarray(apply({"params": params}, batch, noise=noise).log_weight)


@pytest.fixture(params=LAYERS, scope="module")
def hidden(request):
    return LAYERS[request.param]


@pytest.fixture(scope="module")
def params(hidden):
    return random_variables(model_of(hidden), 0.5)["params"]


def smaller(params, hidden):
    """The parameters that are left, cut out one layer after the other."""

    def cut(layers, inputs, mean, outputs, heads):
        kept = {name: dict(layer) for name, layer in layers.items()}
        first = ["Dense_0"] if "Dense_0" in layers else heads
        for name in first:
            kernel = kept[name]["kernel"]
            kept[name]["bias"] = kept[name]["bias"] + mean[inputs] @ kernel[inputs]
            kept[name]["kernel"] = kernel[~inputs]
        for name in heads if outputs is not None else []:
            kept[name]["kernel"] = kept[name]["kernel"][:, ~outputs]
            kept[name]["bias"] = kept[name]["bias"][~outputs]
        return kept

    encoder, decoder = params["encoder"], params["decoder"]
    gaussian, pixels = ["mean", "log_scale"], [f"Dense_{len(hidden[-1])}"]
    image = np.zeros(64, bool)
    return {
        "encoder": {
            "group_2": cut(encoder["group_2"], image, np.zeros(64), GONE[2], gaussian),
            "group_1": cut(encoder["group_1"], GONE[2], MEANS[2], GONE[1], gaussian),
            "group_0": cut(encoder["group_0"], GONE[1], MEANS[1], GONE[0], gaussian),
        },
        "decoder": {
            "group_1": cut(decoder["group_1"], GONE[0], MEANS[0], GONE[1], gaussian),
            "group_2": cut(decoder["group_2"], GONE[1], MEANS[1], GONE[2], gaussian),
            "pixels": cut(decoder["pixels"], GONE[2], MEANS[2], None, pixels),
        },
    }


def test_bounds_are_those_of_the_smaller_network(hidden, params, tiny_batch):
    noise = latent_noise(model_of(hidden), 16)
    left = [draw[:, ~gone] for draw, gone in zip(noise["latent"], GONE, strict=True)]
    small = model_of(hidden, tuple(draw.shape[1] for draw in left))
    expected = weights(small, smaller(params, hidden), tiny_batch, {"latent": left})
    removed = without_units(params, GONE, MEANS)
    actual = weights(model_of(hidden), removed, tiny_batch, noise)
    np.testing.assert_allclose(actual, expected, rtol=1e-4)
    assert not np.allclose(weights(model_of(hidden), params, tiny_batch, noise), expected, atol=0.1)


def test_units_that_are_dead_may_go(hidden, params, tiny_batch):
    """Dead: q is p, a constant Gaussian, and nothing reads the unit."""
    params = jax.tree.map(np.array, params)

    def dead(layers, unit, mean, log_scale):
        for name, value in (("mean", mean), ("log_scale", log_scale)):
            layers[name]["kernel"][:, unit], layers[name]["bias"][unit] = 0.0, value

    def unread(layers, unit):
        for name in ["Dense_0"] if "Dense_0" in layers else ["mean", "log_scale"]:
            layers[name]["kernel"][unit] = 0.0

    encoder, decoder = params["encoder"], params["decoder"]
    dead(encoder["group_0"], 1, 0.0, 0.0)  # as its prior, N(0, 1)
    unread(decoder["group_1"], 1)
    for net in (encoder, decoder):
        dead(net["group_1"], 2, 0.7, -0.3)
        dead(net["group_2"], 0, -0.2, 0.5)
    for readers in (encoder["group_0"], decoder["group_2"]):
        unread(readers, 2)
    for readers in (encoder["group_1"], decoder["pixels"]):
        unread(readers, 0)
    gone = [np.arange(size) == unit for size, unit in zip(SIZES, (1, 2, 0), strict=True)]
    model, noise = model_of(hidden), latent_noise(model_of(hidden), 16)
    before = weights(model, params, tiny_batch, noise)
    after = weights(model, without_units(params, gone, MEANS), tiny_batch, noise)
    np.testing.assert_allclose(after, before, rtol=1e-5)


def test_without_anything_to_remove_nothing_changes(params):
    nothing = [np.zeros(size, bool) for size in SIZES]
    same = without_units(params, nothing, MEANS)
    jax.tree.map(np.testing.assert_array_equal, same, dict(params))
