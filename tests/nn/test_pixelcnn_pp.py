"""PixelCNN++ sees what comes before, all of it and nothing else, and can be drawn pixel by pixel.

One small network on 8 x 8 images with three channels, in float64, initialised from a batch.
"""

import math
from functools import partial
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.precision import enable_x64
from vaejax.core.platform import native_operations
from vaejax.nn.causal import CausalConv, Given
from vaejax.nn.causal_transposed import CausalTransposedConv
from vaejax.nn.drawing import draw_in_order
from vaejax.nn.pixelcnn_pp import PixelCNNpp

SIDE, BATCH, CHANNELS = 8, 3, 3
PIXELS = SIDE * SIDE
NETWORK = PixelCNNpp(num_outputs=4, features=4, num_layers=(2, 1), dropout_rate=0.25)
QUICKLY = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}


class Run(NamedTuple):
    """The network on a batch: what went in, and what all normalised layers put out at first."""

    variables: dict
    images: jax.Array
    given: Given
    keys: jax.Array
    moments: list[tuple[float, np.ndarray, np.ndarray]]


@pytest.fixture(scope="module")
def float64():
    with enable_x64(True):
        yield


@pytest.fixture(scope="module")
def run(float64) -> Run:
    rng = np.random.default_rng(0)
    images = jnp.asarray(rng.uniform(-1, 1, (BATCH, SIDE, SIDE, CHANNELS)))
    given = Given(
        jnp.asarray(rng.normal(size=(BATCH, 5))),
        jnp.asarray(rng.normal(size=(BATCH, SIDE, SIDE, 2))),
    )
    moments = []

    def record(scale, mean, variance):
        moments.append((float(scale), mean, variance))

    def watch(call, args, kwargs, context):
        y = call(*args, **kwargs)
        layers = CausalConv | CausalTransposedConv
        whole = context.method_name == "__call__" and isinstance(context.module, layers)
        if whole and context.module.init_scale is not None:
            scale = context.module.init_scale
            jax.debug.callback(record, scale, y.mean((0, 1, 2)), y.var((0, 1, 2)))
        return y

    def init(rng, images, given):
        # As on GPU and TPU, where layers are scanned: the others run as on this platform.
        with nn.intercept_methods(watch), native_operations():
            return NETWORK.init(rng, images, given)

    keys = jax.random.split(jax.random.key(1), BATCH)
    variables = jax.jit(init, compiler_options=QUICKLY)(jax.random.key(0), images, given)
    jax.effects_barrier()
    variables = jax.tree.map(lambda x: x.astype(jnp.float64), variables)
    return Run(variables, images, given, keys, moments)


@pytest.fixture(scope="module")
def outputs(run):
    """The network on whole images, compiled: `(images, given) -> [B, H, W, O]`."""
    return jax.jit(partial(NETWORK.apply, run.variables), compiler_options=QUICKLY)


@pytest.fixture(scope="module")
def jacobian(run) -> np.ndarray:
    """Of each output of each pixel with respect to each input, [P, O, P, I], with dropout on."""

    def first(image):
        given = Given(run.given.vector[:1], run.given.map[:1])
        y = NETWORK.apply(run.variables, image[None], given, run.keys[:1])
        return y.reshape(PIXELS, NETWORK.num_outputs)

    compiled = jax.jit(jax.jacrev(first), compiler_options=QUICKLY)
    jacobian = compiled(run.images[0])
    return np.asarray(jacobian.reshape(PIXELS, NETWORK.num_outputs, PIXELS, CHANNELS))


def test_no_output_sees_its_own_pixel_or_a_later_one(jacobian):
    seen, place = np.arange(PIXELS), np.arange(PIXELS)[:, None]
    assert not jacobian.transpose(0, 2, 1, 3)[seen >= place].any()


def test_every_pixel_sees_all_before_it(jacobian):
    seen, place = np.arange(PIXELS), np.arange(PIXELS)[:, None]
    assert np.abs(jacobian).max((1, 3))[seen < place].all()


def test_first_batch_has_the_moments_it_is_initialised_for(run):
    # Down: 2 + 1 layers, up: 2 + 1 more; two streams; three convolutions but for those of rows
    # down. Then three first ones, four that shrink and enlarge, the last one.
    assert len(run.moments) == 3 * (2 + 3) + 4 * (3 + 3) + 3 + 4 + 1
    assert {round(scale, 6) for scale, _, _ in run.moments} == {0.1, 1.0}
    for scale, mean, variance in run.moments:
        np.testing.assert_allclose(mean, 0.0, atol=1e-6)
        np.testing.assert_allclose(variance, scale**2, rtol=1e-5)


def test_drawn_pixel_by_pixel_as_by_a_whole_pass_for_every_pixel(run, outputs):
    noise = jax.random.uniform(jax.random.key(2), (PIXELS, BATCH, 1, 1, CHANNELS), jnp.float64)

    def draw(before, outputs, number, turn):
        del before, turn
        return jnp.tanh(outputs[..., :CHANNELS] + noise[number])

    images = jnp.zeros_like(run.images)
    drawn = jax.jit(
        lambda canvas: draw_in_order(NETWORK, run.variables, canvas, draw, run.given),
        compiler_options=QUICKLY,
    )(images)
    for number in range(PIXELS):
        i, j = divmod(number, SIDE)
        pixel = draw(None, outputs(images, run.given)[:, i : i + 1, j : j + 1], number, 0)
        images = images.at[:, i, j].set(pixel[:, 0, 0])
    np.testing.assert_allclose(drawn, images, rtol=0, atol=1e-12)
    assert len(np.unique(images)) > images.size / 2


def test_scanned_as_on_gpu_and_unrolled_as_on_cpu(run, outputs):
    with native_operations():
        apply = jax.jit(partial(NETWORK.apply, run.variables), compiler_options=QUICKLY)
        scanned = apply(run.images, run.given)
        assert "while" in apply.lower(run.images, run.given).as_text()
    np.testing.assert_allclose(outputs(run.images, run.given), scanned, rtol=0, atol=1e-12)


def test_a_vector_reaches_every_pixel_and_a_map_its_own_row_and_later_ones(run, outputs):
    before = outputs(run.images, run.given)
    vector = run.given._replace(vector=run.given.vector + 1.0)
    assert (outputs(run.images, vector) != before).any(-1).all()
    i, j = 3, 5
    at_one = run.given._replace(map=run.given.map.at[:, i, j].add(1.0))
    changed = np.asarray((outputs(run.images, at_one) != before).any((0, -1)))
    assert changed[i, j] and changed[-1, -1] and not changed[:i].any()


def num_parameters(c: int, inputs: int, outputs: int, num_layers: tuple[int, ...]) -> int:
    """Layer by layer: a convolution has taps x inputs x outputs weights, norms and biases."""

    def conv(taps: int, inputs: int, outputs: int) -> int:
        return taps * inputs * outputs + 2 * outputs

    def resnet(taps: int, shown: int) -> int:  # concatenated ELUs double what is seen
        first = conv(taps, 2 * c, c) + (conv(1, 2 * shown, c) if shown else 0)
        return first + conv(taps, 2 * c, 2 * c)

    down = resnet(6, 0) + resnet(4, c)  # a layer of both streams: 2 x 3 and 2 x 2
    up = resnet(6, c) + resnet(4, 2 * c)
    *others, last = num_layers
    total = last * (down + up)
    for length in others:
        total += length * down + (length + 1) * up
        total += 2 * (conv(6, c, c) + conv(4, c, c))  # smaller and larger again
    first = conv(6, inputs + 1, c) + conv(3, inputs + 1, c) + conv(2, inputs + 1, c)
    return first + total + conv(1, c, outputs)


@pytest.mark.parametrize(
    ("network", "millions"),
    [(NETWORK, None), (PixelCNNpp(100, 160, (5, 5, 5), 0.5), 53)],
    ids=["small", "published"],
)
def test_number_of_parameters(network, millions):
    image = jax.ShapeDtypeStruct((1, SIDE, SIDE, 3), jnp.float32)
    params = jax.eval_shape(network.init, jax.random.key(0), image)["params"]
    count = sum(math.prod(x.shape) for x in jax.tree.leaves(params))
    assert count == num_parameters(network.features, 3, network.num_outputs, network.num_layers)
    if millions is not None:
        assert count // 10**6 == millions


def test_sizes_that_cannot_be_halved():
    with pytest.raises(ValueError, match="divisible by 2 .*got 8 x 7"):
        jax.eval_shape(NETWORK.init, jax.random.key(0), jnp.zeros((1, 8, 7, 3)))
