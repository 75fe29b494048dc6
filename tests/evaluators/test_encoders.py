"""Codes of whole batches, and what can be said of them before there is any."""

import jax
import numpy as np

from tests.leaves.bars import Bars
from vaejax.evaluators.encoders import encoder, encoder_by_parts
from vaejax.types import Latent


def view(params, model_state, batch):
    """Codes that are no Gaussian's and look at the label beside the image."""
    codes = params["w"] * jax.nn.one_hot(batch["label"], 8) + batch["image"].sum((1, 2))
    return (Latent(codes, *[codes[:, 0]] * 3),)


def test_parts_of_a_batch_hold_all_that_it_holds():
    batch, params = Bars().batch(np.arange(64)), {"w": 2.0}
    codes, *nothing = encoder(view)(params, {}, batch)
    np.testing.assert_allclose(codes, view(params, {}, batch)[0].z, rtol=1e-6)
    parts, *still_nothing = encoder_by_parts(view)(params, {}, batch)
    np.testing.assert_allclose(parts, codes, rtol=1e-6)
    assert nothing == still_nothing == [None, None]
