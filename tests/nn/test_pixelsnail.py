"""PixelSNAIL: what outputs depend on, pixel by pixel as all at once, and its parameters."""

import flax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.precision import enable_x64
from vaejax.nn.causal import NOTHING, Given, Place
from vaejax.nn.drawing import draw_in_order
from vaejax.nn.pixelsnail import PixelSNAIL
from vaejax.training.state import count_parameters

SIZES = dict(num_outputs=3, features=6, num_blocks=2, num_layers=2, key_size=4, value_size=5)
PUBLISHED = dict(
    num_outputs=100, features=256, num_blocks=12, num_layers=4, key_size=16, value_size=128
)
NETWORK = PixelSNAIL(**SIZES, dropout_rate=0.5)
VECTOR, MAP = 3, 2  # features of each


def images(batch, height, width):
    rng = np.random.default_rng(0)
    given = Given(rng.normal(size=(batch, VECTOR)), rng.normal(size=(batch, height, width, MAP)))
    return rng.uniform(-1.0, 1.0, (batch, height, width, 3)), given


def compiled(function, *arguments):
    """In little time: it runs once or a few times."""
    lowered = jax.jit(function).lower(*arguments)
    return lowered.compile({"xla_backend_optimization_level": 0})


@pytest.fixture(scope="module")
def variables():
    """As a batch of data starts them, in float64; with any weights of what is given."""
    rng, key = np.random.default_rng(2), jax.random.key(0)
    x, given = images(4, 8, 8)
    started = compiled(NETWORK.init, key, x)(key, x)
    started = flax.traverse_util.flatten_dict(started)
    shapes = jax.eval_shape(NETWORK.init, key, x, given)
    return jax.tree_util.tree_map_with_path(
        lambda path, leaf: np.asarray(
            started.get(tuple(entry.key for entry in path), 0.1 * rng.normal(size=leaf.shape)),
            np.float64,
        ),
        shapes,
    )


@pytest.fixture(scope="module")
def apply(variables):
    with enable_x64():
        return compiled(NETWORK.apply, variables, *images(2, 4, 6))


def test_a_pixel_sees_all_pixels_before_it_and_no_other(variables):
    """With dropout on."""
    x, given = images(1, 8, 8)

    def outputs(x, key):
        return NETWORK.apply(variables, x[None], given, key[None])[0].reshape(64, -1)

    keys = jax.random.key(1), jax.random.key(2)
    with enable_x64():
        jacobian_of = compiled(jax.jacrev(outputs), x[0], keys[0])
        jacobian, other = (np.asarray(jacobian_of(x[0], key)).reshape(64, 3, 64, 3) for key in keys)
    assert np.isfinite(jacobian).all()
    assert not np.allclose(jacobian, other)
    largest = np.abs(jacobian).max((1, 3))  # outputs' pixels by the images'
    smallest = np.abs(jacobian).max(1).min(-1)  # of the channel that is seen least
    assert not np.triu(largest).any()
    assert smallest[np.tril_indices(64, -1)].all()


def test_what_is_drawn_is_what_the_naive_way_draws(variables, apply):
    """For images that are not square, with all that can be given and with pixels known."""
    x, given = images(2, 4, 6)
    noise = np.random.default_rng(1).normal(size=x.shape)
    known = np.zeros(x.shape[:3])
    known[:, 1, 2:5] = 1

    def drawn(variables, x, noise, given):
        def draw(before, outputs, number, turn):
            place = Place(number // 6, number % 6, width=6)
            return jnp.tanh(outputs + place.of(noise))

        return draw_in_order(NETWORK, variables, x, draw, given, known=known)

    with enable_x64():
        naive = np.where(known[..., None] > 0, x, 0.0)
        for i, j in np.ndindex(4, 6):
            if not known[0, i, j]:
                outputs = apply(variables, naive, given)
                naive[:, i, j] = np.tanh(outputs[:, i, j] + noise[:, i, j])
        arguments = (variables, x, noise, given)
        fast = compiled(drawn, *arguments)(*arguments)
    np.testing.assert_allclose(fast, naive, rtol=0, atol=1e-12)


def test_what_is_given_reaches_the_outputs(variables, apply):
    x, given = images(2, 4, 6)
    changed = given.map.copy()
    changed[:, 2, 1] += 1.0
    with enable_x64():
        outputs = apply(variables, x, given)
        by_vector = apply(variables, x, given._replace(vector=given.vector + 1.0)) - outputs
        by_map = apply(variables, x, given._replace(map=changed)) - outputs
    assert by_vector.all()
    where = np.flatnonzero(np.asarray(by_map).reshape(2, 24, 3).any((0, 2)))
    np.testing.assert_array_equal(where, np.arange(2 * 6 + 1, 24))  # from there on


def convolution(taps, inputs, outputs):
    return taps * inputs * outputs + 2 * outputs  # and a norm and a bias


def residual_layer(taps, features, auxiliary=0):
    to_hidden = convolution(1, auxiliary, features) if auxiliary else 0
    return (
        convolution(taps, features, features)
        + to_hidden
        + convolution(taps, features, 2 * features)
    )


@pytest.mark.parametrize("sizes", [SIZES, PUBLISHED], ids=["tiny", "published"])
def test_parameters_are_those_of_its_layers(sizes):
    c, k, v = sizes["features"], sizes["key_size"], sizes["value_size"]
    asked, told = c + 2, 3 + c + 2  # the stream with where it is; the image as well
    block = (
        sizes["num_layers"] * residual_layer(4, c)
        + residual_layer(1, asked)
        + convolution(1, asked, k)
        + residual_layer(1, told)
        + convolution(1, told, k + v)
        + residual_layer(1, c, auxiliary=v)
    )
    first = convolution(1 * 3, 4, c) + convolution(2 * 1, 4, c)  # of colours and ones
    expected = first + sizes["num_blocks"] * block + convolution(1, c, sizes["num_outputs"])
    network = PixelSNAIL(**sizes, dropout_rate=0.5)
    shapes = jax.eval_shape(network.init, jax.random.key(0), jnp.zeros((1, 32, 32, 3)), NOTHING)
    assert count_parameters(shapes["params"]) == expected
