"""The squares of samples that the command line writes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vaejax.core.mesh import data_mesh
from vaejax.data import ArraySource, Unseen
from vaejax.evaluators import Context
from vaejax.models import ConvVAE
from vaejax.objectives import elbo
from vaejax.pictures.run_pictures import Pictures, figures
from vaejax.pictures.sampler import GRID, Sampler
from vaejax.training.state import TrainState
from vaejax.types import Views

MODEL = ConvVAE((8, 8, 1), 2, "burda")
OBJECTIVE = elbo(MODEL)
CONTEXT = Context(OBJECTIVE, {}, data_mesh(), 0)


@pytest.fixture(scope="module")
def parameters():
    """Parameters of all players, and the model state."""
    batch = {"image": jnp.zeros((1, 8, 8, 1)), "position": jnp.arange(1)}
    return jax.jit(OBJECTIVE.init)(jax.random.key(0), batch)


@pytest.fixture(scope="module")
def sampler():
    return Sampler(CONTEXT, Unseen((8, 8, 1)), temperature=1.0)


def in_rows(images):
    return np.asarray(images).reshape(GRID, GRID, 8, 8, 1)


def test_samples_are_those_of_the_pictures_of_training(sampler, parameters):
    params, _ = parameters
    state = TrainState(jnp.zeros((), jnp.int32), params, params, {}, ())
    pictures = Pictures(CONTEXT, ArraySource(np.full((2, 8, 8, 1), 200, np.uint8)))
    expected = figures.samples(sampler.samples(*parameters))
    np.testing.assert_array_equal(pictures.samples(state), expected)


def test_a_row_shares_its_groups_from_the_top(sampler, parameters):
    rows = in_rows(sampler.samples(*parameters, shared_groups=1))
    np.testing.assert_allclose(rows, rows[:, :1].repeat(GRID, 1), rtol=1e-5)
    assert np.abs(np.diff(rows[:, 0], axis=0)).max() > 1e-3
    np.testing.assert_allclose(rows[:, 0], in_rows(sampler.samples(*parameters))[:, 0], rtol=1e-5)
    with pytest.raises(ValueError, match="shared_groups: expected 0 to 2, got 3"):
        sampler.samples(*parameters, shared_groups=3)


def test_interpolations_join_the_ends_of_every_row_of_samples(sampler, parameters):
    rows, ways = in_rows(sampler.samples(*parameters)), in_rows(sampler.interpolations(*parameters))
    np.testing.assert_allclose(ways[:, [0, -1]], rows[:, [0, -1]], rtol=1e-4)
    steps = np.abs(np.diff(ways, axis=1)).max((2, 3, 4))
    assert (steps > 1e-5).all()


def test_nothing_varies_at_temperature_zero(parameters):
    images = Sampler(CONTEXT, Unseen((8, 8, 1)), temperature=(0.0,)).samples(*parameters)
    np.testing.assert_allclose(images, images[:1].repeat(GRID**2, 0), rtol=1e-6)


def test_any_number_of_images_of_rows_of_any_length(parameters):
    narrow = Sampler(CONTEXT, Unseen((8, 8, 1)), columns=3)
    images = narrow.samples(*parameters, 7)
    assert images.shape == (7, 8, 8, 1)
    np.testing.assert_allclose(narrow.samples(*parameters, 9)[:7], images, rtol=1e-5)
    for columns, number, name in ((0, 1, "columns"), (3, 0, "num_images")):
        with pytest.raises(ValueError, match=f"{name}: expected at least 1, got 0"):
            Sampler(CONTEXT, Unseen((8, 8, 1)), columns=columns).samples(*parameters, number)


def test_pixels_are_drawn_where_that_is_asked_for(sampler, parameters):
    drawn = np.asarray(sampler.samples(*parameters, draw=True))
    assert set(np.unique(drawn)) <= {0.0, 1.0}
    means = np.asarray(sampler.samples(*parameters))
    assert abs(drawn.mean() - means.mean()) < 4 * 0.5 / np.sqrt(drawn.size)


def test_what_cannot_be_sampled_says_so():
    context = CONTEXT._replace(objective=OBJECTIVE._replace(views=Views()))
    with pytest.raises(ValueError, match="samples: expected an objective with the view 'noise'"):
        Sampler(context, Unseen((8, 8, 1)))
