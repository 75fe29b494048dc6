"""The runs of each page, in three sizes, all on MNIST that is binarised again at every use.

window     VAEs whose decoder sees a window around each pixel: 1 (independent pixels), 3, 5, or as
           far as its layers reach
pixelvae   a small and a large decoder over pixels; the large one also with a KL that is warmed up
vlae       the same VAE with independent pixels and: a Gaussian posterior, an IAF posterior, the
           same flow as prior, and with that prior a decoder that sees a window
nll        networks over pixels alone

References:
    Chen et al., Variational lossy autoencoder, 2017 (window, vlae).
    Gulrajani et al., PixelVAE, 2016 (pixelvae).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import ml_collections

from configs import gated_pixelcnn_mnist
from vaejax import sweep
from vaejax.runs.config import run_config
from vaejax.sweep import Member

Section = Mapping[str, Any]

WINDOWS = {"1": 1, "3": 3, "5": 5, "full": None}
SMALL, LARGE, WARMED_UP = "small decoder", "large decoder", "large decoder, KL warm-up"
VAE, IAF, AF, VLAE = "VAE", "IAF posterior", "AF prior", "AF prior, window"
CONFIGURED = "Gated PixelCNN"  # the run of configs/gated_pixelcnn_mnist.py
CLASSES = "Gated PixelCNN of classes"
CODED = ("window", "pixelvae", "vlae")  # pages of models with codes


class Cell(NamedTuple):
    """A line of a page's table: one model, trained once for every seed."""

    page: str
    row: str


class Size(NamedTuple):
    """How much is trained.

    Attributes:
        variant: of `configs/gated_pixelcnn_mnist.py`.
        seeds: of every row of a page.
        vae: encoder and latents.
        decoder: the Gated PixelCNN that windows are tried in.
        small: what the small decoder of a PixelVAE has in its place.
        large: likewise.
        window: of the decoder of VLAE.
        flow: of the IAF posterior, of the AF prior.
        networks: over pixels alone, by title; beside that of the configuration.
        batch_size: of all but the configuration's run, as are these:
        num_steps: of decoders over pixels, and of networks alone.
        num_large_steps: of the large ones.
        num_factorised_steps: of decoders of independent pixels.
        num_warm_up_steps: of the KL of the large decoder.
        learning_rate: at first; it falls as a cosine.
        ema_decay: of the averaged parameters.
        num_test: test images for the bounds; None is all.
        num_coded: test images whose labels are read off codes.
        columns: images of a row of a picture.
    """

    variant: str
    seeds: Mapping[str, int]
    vae: Section
    decoder: Section
    small: Section
    large: Section
    flow: Section
    networks: Mapping[str, Section]
    batch_size: int
    num_steps: int
    num_large_steps: int
    num_factorised_steps: int
    num_warm_up_steps: int
    window: int = 3
    learning_rate: float = 2e-3
    ema_decay: float = 0.99
    num_test: int | None = None
    num_coded: int = 10_000
    columns: int = 10


def _gated(features: int, num_layers: int, **settings: Any) -> Section:
    """A Gated PixelCNN of 3 x 3 that also gives and takes so many features."""
    settings = {"kernel_size": 3, "map_features": features, **settings}
    size = {"features": features, "num_layers": num_layers, "head_features": features}
    return {"name": "gated_pixelcnn", **size, **settings}


def _networks(gated: Section, features: int, depth: int) -> dict[str, Section]:
    """What is compared alone, in about one size; see `_network` for the classes."""
    near = {"features": features, "dropout": 0.0}
    return {
        "Gated PixelCNN, small": gated,
        CLASSES: gated,
        "PixelCNN++": {"name": "pixelcnn_pp", "num_layers": (depth,) * 2, **near},
        "PixelSNAIL": {
            "name": "pixelsnail",
            "num_blocks": depth,
            "num_layers": 2,
            "key_size": 8,
            "value_size": features,
            **near,
        },
    }


def _vae(width: int, latent_size: int) -> Section:
    shape = {"widths": (width, 2 * width), "kernels": 4, "strides": 2, "dense": (8 * width,)}
    return {"name": "ConvVAE", "latent_size": latent_size, "likelihood": "bernoulli", **shape}


_THREE = {"window": 3, "pixelvae": 3, "vlae": 3}
SIZES = {
    "published": Size(
        variant="",
        seeds={**_THREE, "nll": 3},
        vae=_vae(32, 32),
        decoder=_gated(32, 6),
        small=_gated(32, 2, first_kernel_size=3),
        large=_gated(64, 12),
        flow={"num_flows": 4, "hidden": (320,)},
        networks=_networks(_gated(64, 12), 64, 4),
        batch_size=128,
        num_steps=100_000,
        num_large_steps=100_000,
        num_factorised_steps=200_000,
        num_warm_up_steps=10_000,
        learning_rate=1e-3,
        ema_decay=0.999,
    ),
    "laptop": Size(
        variant="laptop",
        seeds={**_THREE, "nll": 1},
        vae=_vae(16, 16),
        decoder=_gated(12, 4),
        small=_gated(12, 2, first_kernel_size=3),
        large=_gated(16, 6),
        flow={"num_flows": 2, "hidden": (64,)},
        networks=_networks(_gated(16, 6), 16, 2),
        batch_size=16,
        num_steps=1_000,
        num_large_steps=600,
        num_factorised_steps=8_000,
        num_warm_up_steps=300,
    ),
    "smoke": Size(
        variant="smoke",
        seeds={**_THREE, "window": 2, "pixelvae": 1, "vlae": 2, "nll": 1},
        vae=_vae(2, 2),
        decoder=_gated(2, 2),
        small=_gated(2, 1),
        large=_gated(2, 3),
        flow={"num_flows": 1, "hidden": (4,)},
        networks=_networks(_gated(2, 2), 2, 1),
        batch_size=8,
        num_steps=2,
        num_large_steps=2,
        num_factorised_steps=2,
        num_warm_up_steps=1,
        num_test=4,
        num_coded=100,
        columns=2,
    ),
}


def members_of(size: Size, path: Path, workdir: Path) -> dict[Cell, list[Member]]:
    """The runs of every row, one per seed, page after page.

    Args:
        size: how much.
        path: of MNIST.
        workdir: of all runs; that of a row is `<page>/<row>/seed=<seed>`, with `_` for what is
            neither letter nor digit.
    """
    return {
        cell: sweep.make_members(
            config,
            [{}],
            seeds=range(size.seeds[cell.page]),
            workdir=workdir / cell.page / folder_name(cell.row),
        )
        for cell, config in configs_of(size, path).items()
    }


def folder_name(row: str) -> str:
    """`gated_pixelcnn` of `Gated PixelCNN`."""
    kept = "".join(letter if letter.isalnum() else " " for letter in row.replace("+", "p"))
    return "_".join(kept.lower().split())


def configs_of(size: Size, path: Path) -> dict[Cell, ml_collections.ConfigDict]:
    """The configuration of every row."""
    return {
        **_windows(size, path),
        **_pixelvaes(size, path),
        **_vlaes(size, path),
        **_nlls(size, path),
    }


def _windows(size: Size, path: Path) -> dict[Cell, ml_collections.ConfigDict]:
    return {
        Cell("window", title): _config(
            size, path, {**size.vae, "autoregressive": {**size.decoder, "window": window}}
        )
        for title, window in WINDOWS.items()
    }


def _pixelvaes(size: Size, path: Path) -> dict[Cell, ml_collections.ConfigDict]:
    warm_up = {
        "name": "linear_schedule",
        "init_value": 0.0,
        "end_value": 1.0,
        "transition_steps": size.num_warm_up_steps,
    }
    small, large = ({**size.vae, "autoregressive": part} for part in (size.small, size.large))
    num_steps = size.num_large_steps
    return {
        Cell("pixelvae", SMALL): _config(size, path, small),
        Cell("pixelvae", LARGE): _config(size, path, large, num_steps),
        Cell("pixelvae", WARMED_UP): _config(size, path, large, num_steps, beta=warm_up),
    }


def _vlaes(size: Size, path: Path) -> dict[Cell, ml_collections.ConfigDict]:
    prior = {"prior": {"name": "autoregressive_flow", **size.flow}}
    windowed = {"autoregressive": {**size.decoder, "window": size.window}}
    changes: dict[str, tuple[Section, int]] = {
        VAE: ({}, size.num_factorised_steps),
        IAF: ({"posterior": {"name": "iaf", **size.flow}}, size.num_factorised_steps),
        AF: (prior, size.num_factorised_steps),
        VLAE: ({**prior, **windowed}, size.num_steps),
    }
    return {
        Cell("vlae", row): _config(size, path, {**size.vae, **change}, num_steps)
        for row, (change, num_steps) in changes.items()
    }


def _nlls(size: Size, path: Path) -> dict[Cell, ml_collections.ConfigDict]:
    configured = gated_pixelcnn_mnist.get_config(size.variant).unlock()
    configured.data.path = str(path)
    configured.train.log = ""
    configured.eval = _evaluation(size)
    found = {Cell("nll", CONFIGURED): configured.lock()}
    for title, network in size.networks.items():
        model = {"name": "Autoregressive", "network": network, "likelihood": "bernoulli"}
        if title == CLASSES:
            model["num_classes"] = 10
        found[Cell("nll", title)] = _config(size, path, model)
    return found


def _config(
    size: Size,
    path: Path,
    model: Section,
    num_steps: int | None = None,
    **objective: Any,
) -> ml_collections.ConfigDict:
    """A run that is evaluated after its last step."""
    num_steps = num_steps or size.num_steps
    rate = {
        "name": "cosine_decay_schedule",
        "init_value": size.learning_rate,
        "decay_steps": num_steps,
    }
    return run_config(
        data={"name": "mnist", "path": str(path), "binarize": "dynamic"},
        model=model,
        objective={"name": "elbo", **objective},
        optimizer={"name": "adam", "learning_rate": rate},
        train={
            "num_steps": num_steps,
            "batch_size": size.batch_size,
            "ema_decay": size.ema_decay,
            "log_every": max(num_steps // 10, 1),
            "eval_every": num_steps,
            "log": "",
        },
        eval=_evaluation(size),
    )


def _evaluation(size: Size) -> dict[str, Any]:
    return {"bound": {"split": "test", "batch_size": 200, "num_examples": size.num_test}}
