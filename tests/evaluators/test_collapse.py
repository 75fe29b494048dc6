"""What each group carries, of models whose KL is known."""

from types import SimpleNamespace

import jax
import numpy as np
import pytest

from tests.evaluators.layers import START, UP, TwoLayers
from tests.models.variables import random_variables
from vaejax import metrics
from vaejax.core.mesh import data_mesh
from vaejax.data import ArraySource
from vaejax.evaluators import Context, collapse, units_of
from vaejax.models import ConvVAE
from vaejax.objectives import elbo
from vaejax.runs.units import unit

MODEL = ConvVAE((8, 8, 1), 3, "burda")
IMAGES = np.random.default_rng(0).random((21, 8, 8, 1)).astype(np.float32)


def context_of(model):
    mesh = data_mesh(jax.devices()[:2])
    return Context(elbo(model), {"test": ArraySource(IMAGES)}, mesh, seed=0)


@pytest.fixture(scope="module")
def params():
    """Whose second latent is the prior for every image."""
    params = random_variables(MODEL, 0.3)["params"]
    for head in ("mean", "log_var"):
        params["encoder"][head]["kernel"][:, 1] = 0.0
        params["encoder"][head]["bias"][1] = 0.0
    return params


def state_of(params):
    return SimpleNamespace(ema_params={"model": params}, model_state={})


def test_an_unused_latent_is_counted(params):
    found = dict(collapse(context_of(MODEL), batch_size=8, num_examples=None)(state_of(params)))
    (latent,) = MODEL.apply({"params": params}, {"image": IMAGES}, method="encode")
    np.testing.assert_allclose(found["kl_dims/0"], latent.kl_dims.mean(0), rtol=1e-5, atol=1e-7)
    assert found["kl/0"] == pytest.approx(float(latent.kl.mean()), rel=1e-5)
    assert (found["unused_latents"], found["dead_groups"]) == (1, 0)
    means = latent.posterior.loc
    assert found["active_units/0"] == metrics.active_units(
        np.tile(means, (60, 1))  # as many as it wants
    )["active_units"]  # fmt: skip
    assert 0 < found["mutual_information"] < found["log_n"] == np.log(21)
    assert found["num_examples"] == 21


def test_of_two_layers_each_is_told():
    found = dict(collapse(context_of(TwoLayers()), batch_size=8)(state_of(START["params"])))
    assert "kl_dims/0" in found and "kl_dims/1" not in found  # estimated, so in one piece
    # The mean of q(y | z) is 0.7 z, and z varies by its noise of variance 0.16 alone.
    assert UP**2 * 0.16 > 0.01
    assert found["active_units/0"] == 1
    assert "mutual_information" in found


def test_where_all_look_at_the_image_information_is_that_of_the_top():
    model = TwoLayers(skip=1.0, top_down=True)
    found = dict(collapse(context_of(model), batch_size=8)(state_of(START["params"])))
    assert "mutual_information/0" in found and "mutual_information" not in found


def test_where_nothing_looks_at_the_image_alone_the_rest_is_told():
    found = dict(collapse(context_of(TwoLayers(1.0)), batch_size=8)(state_of(START["params"])))
    assert {"kl/0", "kl/1", "dead_groups"} < set(found)
    assert not any(name.startswith("mutual_information") for name in found)


def test_units_are_said():
    units = units_of(collapse(context_of(MODEL), batch_size=8))
    for name in ("kl/0", "kl_dims/0", "mutual_information/0", "log_n"):
        assert unit(name, units) == "nats/image"
    assert unit("dead_groups", units) == unit("active_units/0", units) == ""
