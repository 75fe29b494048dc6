"""The squares of samples that the command line writes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vaejax.data import ArraySource, Unseen
from vaejax.evaluators import Context
from vaejax.models import ConvVAE
from vaejax.objectives import elbo
from vaejax.parallel import data_mesh
from vaejax.pictures import Pictures
from vaejax.sampling import GRID, Sampler
from vaejax.train_state import TrainState

MODEL = ConvVAE((8, 8, 1), 2, "burda")
CONTEXT = Context(MODEL, elbo(MODEL), {}, data_mesh(), 0)


@pytest.fixture(scope="module")
def variables():
    rngs = {"params": jax.random.key(0), "latent": jax.random.key(1)}
    return jax.jit(MODEL.init)(rngs, jnp.zeros((1, 8, 8, 1)))


@pytest.fixture(scope="module")
def sampler():
    return Sampler(CONTEXT, Unseen((8, 8, 1)), temperature=1.0)


def in_rows(images):
    return np.asarray(images).reshape(GRID, GRID, 8, 8, 1)


def test_samples_are_those_of_the_pictures_of_training(sampler, variables):
    params = {"model": variables["params"]}
    state = TrainState(jnp.zeros((), jnp.int32), params, params, {}, ())
    pictures = Pictures(CONTEXT, ArraySource(np.full((2, 8, 8, 1), 200, np.uint8)))
    np.testing.assert_allclose(sampler.samples(variables), pictures.samples(state), rtol=1e-5)


def test_a_row_shares_its_groups_from_the_top(sampler, variables):
    rows = in_rows(sampler.samples(variables, shared_groups=1))
    np.testing.assert_allclose(rows, rows[:, :1].repeat(GRID, 1), rtol=1e-5)
    assert np.abs(np.diff(rows[:, 0], axis=0)).max() > 1e-3
    np.testing.assert_allclose(rows[:, 0], in_rows(sampler.samples(variables))[:, 0], rtol=1e-5)
    with pytest.raises(ValueError, match="shared_groups: expected 0 to 1, got 2"):
        sampler.samples(variables, shared_groups=2)


def test_interpolations_join_the_ends_of_every_row_of_samples(sampler, variables):
    rows, ways = in_rows(sampler.samples(variables)), in_rows(sampler.interpolations(variables))
    np.testing.assert_allclose(ways[:, [0, -1]], rows[:, [0, -1]], rtol=1e-4)
    steps = np.abs(np.diff(ways, axis=1)).max((2, 3, 4))
    assert (steps > 1e-5).all()


def test_nothing_varies_at_temperature_zero(variables):
    images = Sampler(CONTEXT, Unseen((8, 8, 1)), temperature=(0.0,)).samples(variables)
    np.testing.assert_allclose(images, images[:1].repeat(GRID**2, 0), rtol=1e-6)
