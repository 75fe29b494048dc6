"""The official models' arrays as these tests want them: float64, NHWC, by configuration."""

import json
from typing import Any, NamedTuple

import jax
import numpy as np

from tests.models.variables import abstract
from vaejax import distributions
from vaejax.interop.nvae import from_official, model_settings, to_official
from vaejax.models import NVAE

ARGS = {
    "dataset": "mnist",
    "num_x_bits": 8,
    "num_latent_scales": 2,
    "num_groups_per_scale": 1,
    "num_latent_per_group": 2,
    "num_channels_enc": 4,
    "num_channels_dec": 4,
    "num_preprocess_blocks": 2,
    "num_preprocess_cells": 1,
    "num_postprocess_cells": 1,
    "num_cell_per_cond_enc": 1,
    "num_cell_per_cond_dec": 1,
    "num_nf": 0,
    "arch_instance": "res_mbconv",
    "use_se": True,
    "res_dist": True,
}


class Official(NamedTuple):
    """One stored model: its arrays by name, ours made of it, and the inputs of its outputs."""

    arrays: dict[str, np.ndarray]
    state_dict: dict[str, np.ndarray]
    args: dict[str, Any]
    model: Any
    variables: dict[str, Any]
    batch: dict[str, np.ndarray]
    noise: dict[str, tuple[np.ndarray, ...]]


def load(vectors, name: str) -> Official:
    """The model `nvae_tiny_<name>.npz` in float64."""
    with np.load(vectors(f"nvae_tiny_{name}.npz")) as file:
        arrays = {key: file[key] for key in file.files}
    state_dict = {
        key.removeprefix("sd/"): double(array)
        for key, array in arrays.items()
        if key.startswith("sd/")
    }
    args = json.loads(str(arrays["args_json"]))
    model, variables = from_official(state_dict, args)
    noise = {"latent": tuple(nhwc(arrays[f"noise/{k}"]) for k in range(len(model.latent_shapes)))}
    batch = {"image": nhwc(arrays["x"]), "position": np.arange(len(arrays["x"]))}
    return Official(arrays, state_dict, args, model, variables, batch, noise)


def double(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def nhwc(array: np.ndarray) -> np.ndarray:
    return double(array).transpose(0, 2, 3, 1)


def relative_error(actual, expected) -> float:
    """The largest difference, in units of the largest expected entry."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape
    return float(np.abs(actual - expected).max() / np.abs(expected).max())


def random_state_dict(args: dict[str, Any], *, image_size: int) -> dict[str, np.ndarray]:
    """Of the network of these arguments, for square binary images."""
    size = image_size // 2 ** (args["num_preprocess_blocks"] + args["num_latent_scales"] - 1)
    few = {
        "prior_ftr0": np.zeros((1, size, size)),
        "stem.weight": np.zeros((1, 1, 3, 3)),
        "image_conditional.1.bias": np.zeros(1),
    }
    settings = model_settings(few, args)
    assert settings.pop("likelihood") == {"name": "bernoulli", "border": 2}
    model = NVAE(likelihood=distributions.bernoulli(border=2), **settings)
    _, shapes = abstract(model, 1)
    random = np.random.default_rng(0)  # in no time, where initialisers would be compiled

    def uniform(low, high, tree):
        return jax.tree.map(lambda x: random.uniform(low, high, x.shape).astype("f"), tree)

    params, batch_stats = shapes["params"], shapes["batch_stats"]
    variables = {"params": uniform(-0.3, 0.3, params), "batch_stats": uniform(0.5, 1, batch_stats)}
    return to_official(model, variables)
