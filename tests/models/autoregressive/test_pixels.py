"""Networks over pixels are distributions of images: masses sum to one, and draws have them."""

import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from vaejax.distributions import bernoulli, categorical, logistic_mixture
from vaejax.models import Autoregressive
from vaejax.models.autoregressive import gated_pixelcnn, pixelcnn_pp, pixelsnail

QUICKLY = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
GATED = gated_pixelcnn(
    features=4, num_layers=2, kernel_size=3, first_kernel_size=3, head_features=4
)
NETWORKS = {
    "gated_pixelcnn": GATED,
    "pixelcnn_pp": pixelcnn_pp(features=4, num_layers=(1,)),
    "pixelsnail": pixelsnail(features=4, num_blocks=1, num_layers=1, key_size=2, value_size=2),
}
BINARY = np.array(list(itertools.product((0, 1), repeat=4)), np.float32).reshape(-1, 2, 2, 1)
COLOURS = np.array(list(itertools.product(range(4), repeat=3)), np.float32).reshape(-1, 1, 1, 3)
NUM_DRAWS = 4_000


def random_variables(model, images):
    shapes = jax.eval_shape(model.init, jax.random.key(0), {"image": images})
    rng = np.random.default_rng(0)
    draw = lambda leaf: jnp.asarray(rng.normal(0, 0.6, leaf.shape), leaf.dtype)  # noqa: E731
    return jax.tree.map(draw, shapes)


def masses(model, variables, images) -> np.ndarray:
    output = model.apply(variables, {"image": jnp.asarray(images)})
    return np.exp(np.asarray(output.log_px, np.float64))


def drawn(model, variables) -> np.ndarray:
    noise = model.noise(jax.random.split(jax.random.key(1), NUM_DRAWS))
    draw = jax.jit(partial(model.apply, method="from_noise"), compiler_options=QUICKLY)
    return np.asarray(draw(variables, noise))


def assert_frequencies(images, draws, probabilities):
    """Chi-squared, over what is expected five times at least and all the rest."""
    places = (np.round(draws[:, None] - images[None], 3) == 0).all((2, 3, 4))
    assert places.sum() == len(draws)  # every draw is one of the images
    counts, expected = places.sum(0), probabilities / probabilities.sum() * len(draws)
    often = expected >= 5
    counts = np.append(counts[often], counts[~often].sum())
    expected = np.append(expected[often], expected[~often].sum() + 1e-9)
    assert stats.chisquare(counts, expected).pvalue > 1e-3


@pytest.mark.parametrize("name", NETWORKS)
def test_binary_images_have_masses_that_are_drawn(name):
    model = Autoregressive((2, 2, 1), NETWORKS[name], bernoulli())
    variables = random_variables(model, BINARY)
    probabilities = masses(model, variables, BINARY)
    np.testing.assert_allclose(probabilities.sum(), 1.0, atol=1e-5)
    assert probabilities.std() > 0.01
    assert_frequencies(BINARY, drawn(model, variables), probabilities)


@pytest.mark.parametrize("likelihood", [categorical(bits=2), logistic_mixture(2, bits=2)])
def test_colours_of_a_pixel_have_masses_that_are_drawn(likelihood):
    images = COLOURS / 3.0
    model = Autoregressive((1, 1, 3), GATED, likelihood)
    variables = random_variables(model, images)
    probabilities = masses(model, variables, images)
    np.testing.assert_allclose(probabilities.sum(), 1.0, atol=1e-5)
    assert_frequencies(images, drawn(model, variables), probabilities)


def test_colours_are_independent_of_each_other_where_a_network_looks_at_none():
    """Given what comes before: a softmax for PixelCNN++, which draws them in one turn."""
    images = COLOURS / 3.0
    model = Autoregressive((1, 1, 3), NETWORKS["pixelcnn_pp"], categorical(bits=2))
    probabilities = masses(model, random_variables(model, images), images).reshape(4, 4, 4)
    np.testing.assert_allclose(probabilities.sum(), 1.0, atol=1e-5)
    of_each = [probabilities.sum(axes) for axes in ((1, 2), (0, 2), (0, 1))]
    np.testing.assert_allclose(probabilities, np.einsum("i,j,k", *of_each), atol=1e-6)


def test_a_low_temperature_draws_the_likeliest():
    model = Autoregressive((2, 2, 1), GATED, bernoulli())
    variables = random_variables(model, BINARY)
    noise = model.noise(jax.random.split(jax.random.key(1), 8))
    images = model.apply(variables, noise, 1e-4, method="from_noise")
    assert (np.asarray(images) == np.asarray(images[:1])).all()
    # Pixel by pixel the likelier value, which no image of a single other last pixel beats.
    other = np.array(images[:1])
    other[0, 1, 1] = 1 - other[0, 1, 1]
    best, second = masses(model, variables, np.concatenate([images[:1], other]))
    assert best > second


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (dict(window=2), "window: expected an odd number"),
        (dict(kernel_size=4), "kernel_size: expected an odd number"),
        (dict(features=0), "features: expected"),
        (dict(num_layers=0), "num_layers: expected"),
        (dict(conditioning="both"), "conditioning: expected 'map' or 'vector'"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        gated_pixelcnn(**settings)
