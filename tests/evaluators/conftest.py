"""A small factor grid as a run's data."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vaejax import create_train_state, make_optimizer
from vaejax.core.mesh import data_mesh
from vaejax.data import factor_grid
from vaejax.data.source import Source, holdout
from vaejax.evaluators import Context
from vaejax.models import ConvVAE
from vaejax.objectives import elbo

SIZES = (2, 24, 25)


class Bars(Source):
    """8 x 8 images: a horizontal bar of one of two brightnesses, higher or lower, and a slope."""

    image_shape = (8, 8, 1)
    factor_names = ("brightness", "height", "slope")
    factor_sizes = SIZES

    def __len__(self):
        return int(np.prod(SIZES))

    def fetch(self, indices):
        return {"factors": self.factors(indices)}

    def decode(self, raw, rng):
        brightness, height, slope = (raw["factors"] / np.array(SIZES, np.float32)[None]).T
        rows, columns = jnp.arange(8.0)[None, :, None], jnp.arange(8.0)[None, None]
        bar = jnp.exp(-((rows - 8 * height[:, None, None]) ** 2) / 4)
        ramp = columns / 16 * slope[:, None, None]
        images = (bar * (0.25 + brightness[:, None, None]) + ramp)[..., None] / 2
        return {**raw, "image": images}

    def factors(self, indices):
        return factor_grid.factors_of(np.asarray(indices), SIZES).astype(np.int32)


@pytest.fixture(scope="session")
def bars():
    return Bars()


@pytest.fixture(scope="session")
def context(bars):
    mesh = data_mesh(jax.devices()[:2])
    return Context(elbo(ConvVAE((8, 8, 1), 3, "burda")), holdout(bars), mesh, 0)


@pytest.fixture(scope="session")
def state(context):
    batch = context.splits["train"].batch(np.arange(2))
    create = jax.jit(create_train_state, static_argnums=(0, 1))
    optimizer = make_optimizer("sgd", learning_rate=1.0)
    return create(context.objective, optimizer, jax.random.key(0), batch)
