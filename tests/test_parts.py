"""Parts without the whole: the library in a program that has none of what only runs need."""

from tests.test_imports import run_python

# Not among them: absl, which optax imports, and TensorFlow, for which JAX's own cache looks.
# `test_imports` tells that vaejax imports neither.
NOT_NEEDED = (
    "chex",
    "clu",
    "grain",
    "matplotlib",
    "ml_collections",
    "orbax",
    "sklearn",
    "tensorboardX",
    "tensorflow_datasets",
)
BLOCKED = f"""
import sys
import warnings

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {NOT_NEEDED}:
            raise ModuleNotFoundError(f"No module named {{name!r}}: blocked", name=name)

sys.meta_path.insert(0, Blocked())
warnings.simplefilter("error")
"""
PROGRAM = """
import jax
import numpy as np

import vaejax
from vaejax import create_train_state, data, jit_step, make_eval_step, make_optimizer
from vaejax import make_train_step, metrics, models, objectives

rng = np.random.default_rng(0)
np.save("images.npy", rng.random((40, 8, 8, 1), np.float32))
source = data.array("images.npy")["train"]
model = models.ConvVAE(image_shape=source.image_shape, preset="burda", latent_size=2)
optimizer = make_optimizer("adam", learning_rate=1e-3)
key = jax.random.key(0)
objective = objectives.elbo(model, beta=2.0)
with data.train_batches(source, 8, seed=0) as batches:
    create = jax.jit(lambda batch: create_train_state(objective, optimizer, key, batch))
    state = create(next(batches))
    step = jit_step(make_train_step(objective, optimizer))
    for _ in range(2):
        state, values = step(state, next(batches), key)
    print(int(state.step), bool(np.isfinite(values["loss"])))
with data.eval_batches(source, 8) as batches:
    values = jax.jit(make_eval_step(objective))(state, next(batches), key)
    print(bool(np.isfinite(values["elbo"])))
codes = rng.random((1_000, 2))
factors = np.digitize(codes, [0.25, 0.5, 0.75])
print(round(float(metrics.mig(codes, factors)["mig"])))
print(len(data.dsprites()["train"]))
"""


def test_training_objectives_models_metrics_and_data_run_alone(tmp_path):
    printed = run_python(BLOCKED + PROGRAM, tmp_path)
    assert printed.splitlines() == ["2 True", "True", "1", "663552"]
