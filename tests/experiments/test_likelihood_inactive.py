"""Inactive units of a run, found in its checkpoint and removed."""

import jax
import numpy as np
import pytest

from experiments.likelihood.inactive import Inactive, inactive
from tests.models.variables import random_state
from vaejax.runs.checkpoint import Checkpoints
from vaejax.runs.config import run_config
from vaejax.runs.kept_config import CHECKPOINTS, keep_config
from vaejax.runs.setup import build
from vaejax.sweep import Member


@pytest.fixture(scope="module")
def kept(bar_images, tmp_path_factory):
    """Makes a finished run of a network with two and three latents, top first, changed by hand."""

    def keep(change):
        config = run_config(
            data=dict(name="array", path=str(bar_images)),
            model=dict(name="DenseHierarchy", latent_sizes=(2, 3), hidden=((5,), (6,))),
            objective=dict(name="elbo", beta=1.0),
            optimizer=dict(name="sgd", learning_rate=1e-3),
            train=dict(batch_size=8),
            eval=dict(
                importance_weighted=dict(split="test", num_samples=7, chunk=7, batch_size=8),
                active_units=dict(split="train", batch_size=16),
            ),
        )
        run = build(config)
        batch = run.source.batch(np.arange(8))
        state = random_state(run.context.objective, run.optimizer, batch, 1.0)
        change(state.params["model"])
        folder = tmp_path_factory.mktemp("run")
        checkpoints = Checkpoints(folder / CHECKPOINTS)
        checkpoints.save(jax.device_put(state))
        checkpoints.close()
        keep_config(folder, config)
        return Member({}, 0, config, folder)

    return keep


def fix(layers, unit):
    """The posterior, or prior, of a unit is N(0, 1) whatever it is given."""
    for name in ("mean", "log_scale"):
        layers[name]["kernel"][:, unit] = 0.0
        layers[name]["bias"][unit] = 0.0


def test_what_the_network_reads_of_them_is_lost(kept):
    """Of a unit that is N(0, 1) in q and p its noise alone, of which the images know nothing."""

    def quiet(params):
        fix(params["encoder"]["group_0"], 1)
        params["decoder"]["group_1"]["Dense_0"]["kernel"][1] = 0.0
        fix(params["encoder"]["group_1"], 0)
        fix(params["decoder"]["group_1"], 0)
        params["encoder"]["group_0"]["Dense_0"]["kernel"][0] = 0.0
        params["decoder"]["pixels"]["Dense_0"]["kernel"][0] = 0.0

    def noisy(params):
        quiet(params)
        params["decoder"]["pixels"]["Dense_0"]["kernel"][0] = 2.0

    found = inactive(kept(quiet))
    assert found[:2] == ((1, 2), 2)
    assert found.nats == pytest.approx(0.0, abs=1e-4)
    found = inactive(kept(noisy))
    assert found[:2] == ((1, 2), 2)
    assert abs(found.nats) > 0.01


def test_where_all_are_active_there_is_nothing_to_remove(kept):
    assert inactive(kept(lambda params: None)) == Inactive((2, 3), 0, None)
