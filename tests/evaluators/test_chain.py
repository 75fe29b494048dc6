"""Which groups look at the image, of models built to look or not to."""

import jax
import numpy as np
import pytest

from tests.evaluators.layers import START, TwoLayers
from tests.models.variables import random_variables
from vaejax.core.mesh import data_mesh
from vaejax.data import ArraySource
from vaejax.evaluators import Context
from vaejax.evaluators.chain import Chain, chain_of, check_gaussian
from vaejax.models import ConvVAE
from vaejax.objectives import elbo
from vaejax.objectives.views import views_of
from vaejax.types import Latent

IMAGES = np.random.default_rng(0).random((8, 8, 8, 1)).astype(np.float32)


def chain(model, params):
    views = views_of(model)
    given = {"model": params}, {}, {"image": IMAGES}, jax.random.key(0)
    return chain_of(views.noise, views.encode, *given)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (TwoLayers(), Chain((1,), True)),  # q(z | x) q(y | z), y the top
        (TwoLayers(skip=1.0), Chain((1,), False)),  # q(z | x) q(y | z, x)
        (TwoLayers(top_down=True), Chain((0,), True)),  # q(y | x) q(z | y)
        (TwoLayers(skip=1.0, top_down=True), Chain((0,), False)),  # q(y | x) q(z | y, x), NVAE
    ],
)
def test_groups_of_two_layers(model, expected):
    assert chain(model, START["params"]) == expected


def test_a_single_group_is_the_whole():
    model = ConvVAE((8, 8, 1), 3, "burda")
    assert chain(model, random_variables(model, 0.3)["params"]) == Chain((0,), True)


def test_codes_that_are_not_mean_and_noise_are_not_known():
    """Of a model that hands out other noise than its codes are drawn with."""

    class Hidden(TwoLayers):
        def noise(self, keys):
            drawn = super().noise(keys)["latent"]
            return {"latent": tuple(x[:, None] for x in drawn)}

        def encode(self, batch, noise=None):
            given = None if noise is None else {"latent": [x[:, 0] for x in noise["latent"]]}
            return super().encode(batch, given)

    assert chain(Hidden(), START["params"]) == Chain((1,), False)


def test_a_model_without_a_gaussian_is_refused():
    class Category(TwoLayers):
        def encode(self, batch, noise=None):
            return tuple(
                Latent(latent.z, latent.log_q, latent.log_p, latent.kl)
                for latent in super().encode(batch, noise)
            )

    mesh = data_mesh(jax.devices()[:1])
    context = Context(elbo(Category()), {"test": ArraySource(IMAGES)}, mesh, seed=0)
    with pytest.raises(ValueError, match="me: expected a model with a Gaussian posterior, got"):
        check_gaussian(context, "me", "test")
