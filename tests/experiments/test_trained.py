"""What is read off finished runs."""

import json
from types import SimpleNamespace

import jax
import numpy as np

from experiments.trained import Trained, codes_of, decoded, history, kl_of
from tests.leaves.bars import Bars
from vaejax.core.mesh import data_mesh
from vaejax.evaluators import Context
from vaejax.models import ConvVAE
from vaejax.objectives import elbo
from vaejax.objectives.views import reconstruct


def test_history_is_one_value_per_evaluation(tmp_path):
    lines = [
        {"step": 2, "split": "train", "loss": 9.0},
        {"step": 2, "split": "test/bound", "loss": 3.0, "kl_dims/0": [1.0, 2.0]},
        {"step": 4, "split": "test/bound", "loss": None, "kl_dims/0": [3.0, 4.0]},
    ]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    logged = history(tmp_path, "test/bound")
    np.testing.assert_array_equal(logged["step"], [2, 4])
    np.testing.assert_array_equal(logged["loss"], [3.0, np.nan])
    np.testing.assert_array_equal(logged["kl_dims/0"], [[1, 2], [3, 4]])


def test_images_of_their_own_codes_are_the_reconstructions():
    model = ConvVAE((8, 8, 1), 2, "burda")
    context = Context(elbo(model), {"train": Bars()}, data_mesh(jax.devices()[:1]), 0)
    batch = Bars().batch(np.arange(400))
    params, model_state = jax.jit(context.objective.init)(jax.random.key(0), batch)
    state = SimpleNamespace(ema_params=params, model_state=model_state)
    run = SimpleNamespace(context=context, source=Bars())
    one = Trained(None, run, state)
    table = codes_of(one, [Bars()])
    np.testing.assert_array_equal(table.factors, batch["factors"])
    images = decoded(one, table.means[:5])
    some, keys = Bars().batch(np.arange(5)), jax.random.split(jax.random.key(1), 5)
    expected = reconstruct(context.objective.views, params, model_state, some, keys)
    np.testing.assert_allclose(images, expected, atol=1e-5)
    output = model.apply(
        {"params": params["model"]}, batch, noise={"latent": (np.zeros((400, 2), np.float32),)}
    )
    np.testing.assert_allclose(kl_of(table), output.latents[0].kl_dims.mean(0), rtol=1e-4)
