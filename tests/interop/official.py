"""The official models' arrays as these tests want them: float64, NHWC, by configuration."""

import json
from typing import Any, NamedTuple

import numpy as np

from vaejax.interop.nvae import from_official


class Official(NamedTuple):
    """One stored model: its arrays by name, ours made of it, and the inputs of its outputs."""

    arrays: dict[str, np.ndarray]
    state_dict: dict[str, np.ndarray]
    args: dict[str, Any]
    model: Any
    variables: dict[str, Any]
    images: np.ndarray
    noise: list[np.ndarray]


def load(shared, name: str) -> Official:
    """The model `nvae_tiny_<name>.npz` in float64."""
    with np.load(shared / "reference" / "vectors" / f"nvae_tiny_{name}.npz") as file:
        arrays = {key: file[key] for key in file.files}
    state_dict = {
        key.removeprefix("sd/"): double(array)
        for key, array in arrays.items()
        if key.startswith("sd/")
    }
    args = json.loads(str(arrays["args_json"]))
    model, variables = from_official(state_dict, args)
    noise = [nhwc(arrays[f"noise/{k}"]) for k in range(len(model.latent_shapes))]
    return Official(arrays, state_dict, args, model, variables, nhwc(arrays["x"]), noise)


def double(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def nhwc(array: np.ndarray) -> np.ndarray:
    return double(array).transpose(0, 2, 3, 1)


def relative_error(actual, expected) -> float:
    """The largest difference, in units of the largest expected entry."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape
    return float(np.abs(actual - expected).max() / np.abs(expected).max())
