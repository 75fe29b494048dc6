"""The runs of each page, in three sizes.

position    one sprite at every place: beta 1, 30 and 150 (Burgess et al., 2018, figure 2)
capacity    gamma |KL - C(t)| with a rising C (the same, figure 3)
trade_off   FactorVAE with gamma 10, and a beta-VAE with beta 8 (Kim & Mnih, 2018)
coloured    the capacity objective on sprites of random colour (Burgess et al., figure 4)
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import ml_collections

from configs import betavae_dsprites, capacity_dsprites, factorvae_dsprites
from experiments.trained import BETA
from vaejax import sweep

PLACES = {"shape": 0, "scale": 5, "orientation": 0}  # the largest square, upright
BETAS = (1.0, 30.0, 150.0)  # of the slide, and one between
SCORES = ("beta_vae_score", "factor_vae_score", "mig")


class Size(NamedTuple):
    """How much is trained.

    Attributes:
        variant: of the configurations.
        seeds: of each run but those on places and colours, of which one is shown.
        position, capacity, trade_off, coloured: settings that differ from the configurations'.
        stages: evaluations of the capacity runs, at even steps of C.
        num_images: whose codes are scored; None is all.
        num_repeats: that intervals of the scores are made of.
        num_coded: images whose codes tell which factors a latent depends on.
    """

    variant: str = ""
    seeds: int = 3
    position: Mapping[str, Any] = {}
    capacity: Mapping[str, Any] = {}
    trade_off: Mapping[str, Any] = {}
    coloured: Mapping[str, Any] = {}
    stages: int = 25
    num_images: int | None = 100_000
    num_repeats: int = 5
    num_coded: int = 10_000


SHORT = {"train.num_steps": 4, "train.batch_size": 16}
SIZES = {
    "published": Size(position={"train.num_steps": 100_000, "optimizer.learning_rate": 5e-4}),
    "laptop": Size(
        variant="laptop",
        seeds=2,
        position={"train.num_steps": 5_000},
        trade_off={"train.num_steps": 1_500},
        coloured={"train.num_steps": 2_500, "data.fixed": {"shape": 0, "orientation": 0}},
        stages=15,
        num_images=6_000,
        num_coded=4_096,
    ),
    "smoke": Size(
        variant="laptop",
        seeds=1,
        position=SHORT,
        capacity=SHORT,
        trade_off={**SHORT, "objective.hidden": (16, 16)},
        coloured=SHORT,
        stages=2,
        num_images=1_200,
        num_repeats=1,
        num_coded=1_024,
    ),
}


def members_of(size: Size, workdir: Path) -> dict[str, list[sweep.Member]]:
    """All runs by page; those of the trade-off under `factor_vae` and `beta_vae`."""
    position = _changed(betavae_dsprites, size, size.position, **{"data.fixed": PLACES})
    capacity = _rising(_changed(capacity_dsprites, size, size.capacity), size.stages)
    coloured = _changed(capacity_dsprites, size, size.coloured, **{"data.coloured": True})
    factor_vae = _changed(factorvae_dsprites, size, size.trade_off, **{"objective.gamma": 10.0})
    of_beta = {key: value for key, value in size.trade_off.items() if "objective" not in key}
    beta_vae = _changed(betavae_dsprites, size, of_beta, **{BETA: 8.0})
    for config in (position, capacity, coloured):
        del config.eval["disentanglement"]
    capacity.eval.correlation_ratio = dict(split="test", num_examples=size.num_coded)
    for config in (factor_vae, beta_vae):
        config.eval.disentanglement.update(
            scores={name: {} for name in SCORES},
            num_images=size.num_images,
            num_repeats=size.num_repeats,
        )
    pages = {
        "position": (position, sweep.grid({BETA: BETAS}), 1),
        "capacity": (capacity, [{}], size.seeds),
        "factor_vae": (factor_vae, [{}], size.seeds),
        "beta_vae": (beta_vae, [{}], size.seeds),
        "coloured": (_rising(coloured, 1), [{}], 1),
    }
    return {
        page: sweep.make_members(config.lock(), points, seeds=range(seeds), workdir=workdir / page)
        for page, (config, points, seeds) in pages.items()
    }


def _changed(
    module: Any, size: Size, changes: Mapping[str, Any], **more: Any
) -> ml_collections.ConfigDict:
    """A configuration, unlocked, with what a page changes; evaluated after the last step."""
    config = module.get_config(size.variant).unlock()
    config.update_from_flattened_dict({**changes, **more})
    config.train.eval_every = config.train.num_steps
    return config


def _rising(config: ml_collections.ConfigDict, stages: int) -> ml_collections.ConfigDict:
    """With a capacity that rises over the whole run, evaluated so many times on its way."""
    config.objective.num_steps = config.train.num_steps
    config.train.eval_every = config.train.num_steps // stages
    return config
