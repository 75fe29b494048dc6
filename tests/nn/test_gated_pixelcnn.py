"""Gated PixelCNN sees what comes before, all of its reach and nothing else, and is drawn in order.

In float64 on tiny networks; a colour sees the colours of its own pixel that come before it.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.precision import enable_x64
from vaejax.nn.causal import NOTHING, Given, Place
from vaejax.nn.drawing import draw_in_order
from vaejax.nn.gated_pixelcnn import GatedPixelCNN

SIDE = 8
PIXELS = SIDE * SIDE
QUICKLY = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
OF_COLOURS = (0, 1, 2, 0, 1, 2)
TINY = dict(features=6, kernel_size=3, first_kernel_size=3, head_features=6)


@pytest.fixture(scope="module")
def float64():
    with enable_x64(True):
        yield


def network(channels: int = 1, num_layers: int = 2, **changed) -> GatedPixelCNN:
    colours = dict(colours=channels, output_colours=OF_COLOURS if channels == 3 else None)
    settings = {**TINY, "num_layers": num_layers, "num_outputs": 2 * channels, **colours}
    return GatedPixelCNN(**{**settings, **changed})


def variables_of(net: GatedPixelCNN, x, given: Given = NOTHING):
    """Random parameters without an initialisation to compile: all are small normal draws."""
    shapes = jax.eval_shape(net.init, jax.random.key(0), x, given)
    rng = np.random.default_rng(0)
    return jax.tree.map(lambda leaf: jnp.asarray(rng.normal(0, 0.4, leaf.shape)), shapes)


def given_of(batch: int) -> Given:
    rng = np.random.default_rng(1)
    vector, places = rng.normal(size=(batch, 3)), rng.normal(size=(batch, SIDE, SIDE, 2))
    return Given(jnp.asarray(vector), jnp.asarray(places))


def images_of(batch: int, channels: int) -> jax.Array:
    return jnp.asarray(np.random.default_rng(2).uniform(-1, 1, (batch, SIDE, SIDE, channels)))


def looks(net, variables, x, given) -> np.ndarray:
    """The Jacobian of all outputs of one image, [pixels, O, pixels, C]."""

    def outputs(x):
        return net.apply(variables, x[None], given)[0]

    jacobian = jax.jit(jax.jacrev(outputs), compiler_options=QUICKLY)(x)
    return np.asarray(jacobian).reshape(PIXELS, -1, PIXELS, x.shape[-1])


@pytest.mark.parametrize("channels", [1, 3])
def test_outputs_look_at_what_comes_before_alone(float64, channels):
    net, x, given = network(channels), images_of(1, channels), given_of(1)
    jacobian = looks(net, variables_of(net, x, given), x[0], given)
    before = np.arange(PIXELS)[:, None] > np.arange(PIXELS)
    here = np.eye(PIXELS, dtype=bool)
    for output in range(net.num_outputs):
        for channel in range(channels):
            may = before.copy()
            if channels == 3 and channel < OF_COLOURS[output]:
                may |= here
                # A ReLU of the head may be shut at a pixel.
                assert (jacobian[:, output, :, channel][here] != 0).mean() > 0.5
            assert (jacobian[:, output, :, channel][~may] == 0).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_drawing_in_order_is_a_pass_for_every_pixel(float64, channels):
    net, batch = network(channels), 2
    x, given = images_of(batch, channels), given_of(batch)
    variables = variables_of(net, x, given)
    turns = channels if channels > 1 else 1

    def draw(before, outputs, number, turn):
        new = jnp.tanh(outputs[..., :channels] + outputs[..., channels:]) + 0.01 * number
        return before.at[..., turn].set(new[..., turn]) if turns > 1 else new

    known = jnp.zeros((batch, SIDE, SIDE)).at[:, :2].set(1).at[0, 5, 3].set(1)
    drawn = jax.jit(
        lambda x: draw_in_order(net, variables, x, draw, given, turns=turns, known=known),
        compiler_options=QUICKLY,
    )(x)
    whole = jax.jit(partial(net.apply, variables, given=given), compiler_options=QUICKLY)
    canvas = np.array(jnp.where(known[..., None] > 0, x, 0))
    for number in range(PIXELS):
        row, column = divmod(number, SIDE)
        here = np.s_[:, row : row + 1, column : column + 1]
        for turn in range(turns):
            pixel = np.asarray(draw(jnp.asarray(canvas[here]), whole(canvas)[here], number, turn))
            canvas[here] = np.where(known[here][..., None] > 0, canvas[here], pixel)
    np.testing.assert_allclose(drawn, canvas, atol=1e-12)
    np.testing.assert_array_equal(drawn[:, :2], x[:, :2])


def test_there_is_no_blind_spot(float64):
    net = network(num_layers=7)  # eight layers that look one further each
    x = jnp.asarray(np.random.default_rng(0).uniform(-1, 1, (17, 17, 1)))
    variables = variables_of(net, x[None])

    def middle(x):
        return net.apply(variables, x[None])[0, 8, 8].sum()

    seen = np.asarray(jax.jit(jax.grad(middle), compiler_options=QUICKLY)(x))[..., 0] != 0
    before = np.arange(17 * 17).reshape(17, 17) < 8 * 17 + 8
    np.testing.assert_array_equal(seen, before)
    assert seen.sum() == 144


@pytest.mark.parametrize("window", [1, 3, 5])
def test_a_first_kernel_alone_is_a_window(float64, window):
    """Layers that look at one pixel widen nothing: what `gated_pixelcnn(window=)` builds on."""
    net, x = network(kernel_size=1, first_kernel_size=window, head_features=32), images_of(1, 1)
    jacobian = looks(net, variables_of(net, x), x[0], Given())
    rows, columns = np.divmod(np.arange(PIXELS), SIDE)
    near = np.maximum(abs(rows[:, None] - rows), abs(columns[:, None] - columns)) <= window // 2
    before = np.arange(PIXELS)[:, None] > np.arange(PIXELS)
    np.testing.assert_array_equal((jacobian != 0).any((1, 3)), near & before)


def test_rows_are_told_nothing_of_their_own(float64):
    """What a row hears of those above it does not change with what is in it or below."""
    net, x = network(), images_of(1, 1)
    variables = variables_of(net, x)

    def told(x):
        place = Place(jnp.int32(0), width=SIDE)
        return net.apply(variables, x, Given(), place, method="rows", mutable=["cache"])[0]

    for ours, theirs in zip(jax.tree.leaves(told(x)), jax.tree.leaves(told(-x)), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("features", "layers", "k", "first", "head", "channels", "outputs"),
    [(6, 2, 3, 3, 6, 1, 2), (128, 14, 5, 7, 128, 3, 768)],  # tiny; CIFAR-10 with a softmax
)
def test_the_parameters_are_those_of_the_layers(
    features, layers, k, first, head, channels, outputs
):
    net = GatedPixelCNN(
        num_outputs=outputs,
        output_colours=tuple(i * channels // outputs for i in range(outputs)),
        colours=channels,
        features=features,
        num_layers=layers,
        kernel_size=k,
        first_kernel_size=first,
        head_features=head,
    )
    shapes = jax.eval_shape(net.init, jax.random.key(0), jnp.zeros((1, SIDE, SIDE, channels)))

    def layer(inputs: int, size: int, own: int, width: int) -> int:
        rows = (size // 2 + own) * size * inputs * 2 * features + 2 * features
        told = 2 * features * 2 * features + 2 * features
        pixels = width * inputs * 2 * features + 2 * features
        return rows + told + pixels + features * features + features

    expected = layer(channels, first, 0, first // 2 + (channels > 1))
    expected += layers * layer(features, k, 1, k // 2 + 1)
    expected += features * head + head + head * outputs + outputs
    assert sum(leaf.size for leaf in jax.tree.leaves(shapes)) == expected
