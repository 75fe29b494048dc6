"""Official checkpoints to a model and variables, and variables to an official `state_dict`.

The model has `nvae_compat` set, so its numbers are the official ones. Kernel entries outside an
autoregressive mask, which the official code stores but never uses, become zero.
"""

import json
from argparse import Namespace
from collections.abc import Mapping
from os import PathLike
from types import SimpleNamespace
from typing import Any

import jax
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from vaejax import distributions
from vaejax.interop.nvae.names import Entry, entries
from vaejax.interop.torch_file import read_torch_file
from vaejax.models.nvae import NVAE
from vaejax.models.nvae_presets import adaptive_groups

# Official arguments that are arguments of `NVAE` under another name.
ARGUMENTS = {
    "num_latent_per_group": "latent_channels",
    "num_channels_enc": "encoder_features",
    "num_channels_dec": "decoder_features",
    "num_preprocess_blocks": "num_blocks",
    "num_preprocess_cells": "preprocess_cells",
    "num_postprocess_cells": "postprocess_cells",
    "num_cell_per_cond_enc": "encoder_cells",
    "num_cell_per_cond_dec": "decoder_cells",
    "num_nf": "num_flows",
    "arch_instance": "cells",
    "use_se": "squeeze_excite",
    "res_dist": "residual_posterior",
}
REQUIRED = {*ARGUMENTS, "num_latent_scales", "num_groups_per_scale", "num_x_bits"}
# Arguments that the first official checkpoints lack, with what they then were.
FORMER_DEFAULTS = {"ada_groups": False, "min_groups_per_scale": 1}
START = "prior_ftr0"  # stored, but of no use, where there is a single group
BORDER = 2  # the official code pads 28 x 28 images to 32 x 32, and does not score the padding

Arguments = Mapping[str, Any] | Namespace | SimpleNamespace

# Official layout -> ours, and back; log-norms are [O, 1, 1, 1] there.
TO_OURS = {
    "kernel": lambda a: a.transpose(2, 3, 1, 0),  # OIHW -> HWIO
    "dense": lambda a: a.T,
    "log_norm": lambda a: a.reshape(-1),
    "vector": lambda a: a,
    "start": lambda a: a.transpose(1, 2, 0),  # CHW -> HWC
}
TO_OFFICIAL = {
    "kernel": lambda a: a.transpose(3, 2, 0, 1),
    "dense": lambda a: a.T,
    "log_norm": lambda a: a.reshape(-1, 1, 1, 1),
    "vector": lambda a: a,
    "start": lambda a: a.transpose(2, 0, 1),
}


def read_checkpoint(path: str | PathLike[str]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The `state_dict` and arguments of an official checkpoint.

    Args:
        path: the `.pt` file, or an `.npz` file of the arrays by name and `args_json`, a JSON text.

    Raises:
        ValueError: a file of another kind.
    """
    if str(path).endswith(".npz"):
        with np.load(path) as file:
            state_dict = {name: file[name] for name in file.files if name != "args_json"}
            if len(state_dict) == len(file.files):
                raise ValueError(f"path: expected args_json among the arrays of {path}, got none")
            return state_dict, json.loads(str(file["args_json"]))
    checkpoint = read_torch_file(path)
    if not isinstance(checkpoint, dict) or not {"state_dict", "args"} <= set(checkpoint):
        raise ValueError(f"path: expected a checkpoint with state_dict and args, got {path}")
    args: SimpleNamespace = checkpoint["args"]
    return dict(checkpoint["state_dict"]), vars(args)


def from_official(
    state_dict: Mapping[str, np.ndarray], args: Arguments
) -> tuple[NVAE, dict[str, Any]]:
    """Our model of an official one, and its variables (`params` and `batch_stats`).

    Args:
        state_dict: arrays by their official names, of any floating type, which is kept.
        args: the official command line, as `checkpoint["args"]` has it or as a dict.

    Raises:
        ValueError: an argument or array is missing, an array is of another shape than the
            arguments say, or is left over.
    """
    settings = model_settings(state_dict, args)
    kind = settings.pop("likelihood")
    likelihood = getattr(distributions, kind.pop("name"))(**kind)
    model = NVAE(likelihood=likelihood, **settings)
    shapes = _shapes(model)
    stacks: dict[tuple[str, ...], list[np.ndarray]] = {}
    leaves: dict[tuple[str, ...], np.ndarray] = {}
    unread = {name for name in state_dict if not name.endswith("num_batches_tracked")}
    unread.discard(START)  # no entry of a single group
    for entry in sorted(entries(model), key=lambda entry: entry.index or 0):
        array = _read(state_dict, entry, shapes[entry.path])
        unread -= {entry.name, *entry.copies}
        if entry.index is None:
            leaves[entry.path] = array
        else:
            stacks.setdefault(entry.path, []).append(array)
    if unread:
        raise ValueError(f"state_dict: expected no {min(unread)} (and {len(unread) - 1} more)")
    leaves |= {path: np.stack(arrays) for path, arrays in stacks.items()}
    return model, unflatten_dict(leaves)


def to_official(model: NVAE, variables: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The official `state_dict` of a model's variables, as numpy arrays."""
    leaves = flatten_dict(jax.device_get(dict(variables)))
    height, width, _ = model.latent_shapes[0]
    features = model.decoder_features * model.image_shape[0] // height
    state_dict = {START: np.zeros((features, height, width), np.float32)}  # if of a single group
    for entry in entries(model):
        leaf = leaves[entry.path]
        array = np.asarray(leaf if entry.index is None else leaf[entry.index])
        for name in (entry.name, *entry.copies):
            state_dict[name] = TO_OFFICIAL[entry.layout](array)
        if entry.path[-1] == "var":
            counter = entry.name.removesuffix("running_var") + "num_batches_tracked"
            state_dict[counter] = np.zeros((), np.int64)
    return state_dict


def _shapes(model: NVAE) -> dict[tuple[str, ...], tuple[int, ...]]:
    """The shape of every leaf of the model's variables, by path."""

    def init(rng: jax.Array, images: jax.Array) -> Mapping[str, Any]:
        noise = model.noise(jax.random.split(rng, 1))
        return model.init(rng, {"image": images}, noise=noise)

    images = jax.ShapeDtypeStruct((1, *model.image_shape), np.float32)
    leaves = flatten_dict(jax.eval_shape(init, jax.random.key(0), images))
    return {path: leaf.shape for path, leaf in leaves.items()}


def _read(state_dict: Mapping[str, np.ndarray], entry: Entry, shape: tuple[int, ...]) -> np.ndarray:
    """The array of an entry in our layout; `shape` is that of our leaf."""
    array = _array(state_dict, entry.name)
    own = shape if entry.index is None else shape[1:]
    expected = TO_OFFICIAL[entry.layout](np.broadcast_to(np.float32(0), own)).shape
    if array.shape != expected:
        raise ValueError(
            f"state_dict: expected {entry.name} of shape {expected}, got {array.shape}"
        )
    array = TO_OURS[entry.layout](array)
    return array if entry.mask is None else (array * entry.mask).astype(array.dtype)


def _array(
    state_dict: Mapping[str, np.ndarray], name: str, num_axes: int | None = None
) -> np.ndarray:
    if name not in state_dict:
        raise ValueError(f"state_dict: expected an array {name}, got none")
    array = np.asarray(state_dict[name])
    if num_axes is not None and array.ndim != num_axes:
        raise ValueError(
            f"state_dict: expected {name} with {num_axes} axes, got shape {array.shape}"
        )
    return array


def model_settings(state_dict: Mapping[str, np.ndarray], args: Arguments) -> dict[str, Any]:
    """The arguments of `NVAE` for an official model; its `likelihood` is `{name, **arguments}`.

    Raises:
        ValueError: an argument or an array that is needed is missing, or does not fit.
    """
    args = {**FORMER_DEFAULTS, **(args if isinstance(args, Mapping) else vars(args))}
    if missing := REQUIRED - set(args):
        raise ValueError(f"args: expected {min(missing)} among them, got {sorted(args)}")
    scales, groups = args["num_latent_scales"], args["num_groups_per_scale"]
    if args["ada_groups"]:
        numbers = adaptive_groups(scales, groups, minimum=args["min_groups_per_scale"])
    else:
        numbers = (groups,) * scales
    stride = 2 ** (args["num_preprocess_blocks"] + scales - 1)
    _, *top = _array(state_dict, START, 3).shape
    channels = _array(state_dict, "stem.weight", 4).shape[1]
    return dict(
        image_shape=(*(stride * n for n in top), channels),
        likelihood=_likelihood(state_dict, channels, args["num_x_bits"]),
        groups=numbers,
        **{ours: args[official] for official, ours in ARGUMENTS.items()},
        nvae_compat=True,
    )


def _likelihood(state_dict: Mapping[str, np.ndarray], channels: int, bits: int) -> dict[str, Any]:
    """The output distribution that the last layer has numbers for."""
    (num_outputs,) = _array(state_dict, "image_conditional.1.bias", 1).shape
    if num_outputs == channels:
        return dict(name="bernoulli", border=BORDER)
    if num_outputs == 2 * channels:
        return dict(name="gaussian", scale=None, symmetric=True)
    if channels != 3 or num_outputs % 10:
        raise ValueError(
            f"state_dict: expected image_conditional.1.bias of {channels} numbers (Bernoulli), "
            f"{2 * channels} (Gaussian) or 10 per logistic of an RGB mixture, got {num_outputs}"
        )
    return dict(name="logistic_mixture", num_mixtures=num_outputs // 10, bits=bits)
