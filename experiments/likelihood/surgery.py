"""Where the KL of beta-VAEs goes: the ELBO surgery of a sweep of beta on dSprites.

A small beta buys information about the image until it meets log N, and then codes that fit nothing:
the rest of the KL is not information but the distance of q(z) from the prior. A large beta gives
both up.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import ml_collections

from configs import betavae_dsprites
from experiments.likelihood import figures
from experiments.style import draw
from experiments.trained import BETA
from vaejax import sweep

EVALUATION = "train/elbo_surgery"


class Size(NamedTuple):
    """How much is trained.

    Attributes:
        variant: of the configuration.
        betas: of the sweep.
        seeds: of each.
        changes: of the configuration.
        num_examples: N, of which q(z) is the mixture.
        importance_samples: of log p(x), per image.
    """

    variant: str = ""
    betas: tuple[float, ...] = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
    seeds: int = 3
    changes: Mapping[str, Any] = {}
    num_examples: int = 10_000
    importance_samples: int = 100


SIZES = {
    "published": Size(),
    "laptop": Size(variant="laptop", seeds=1, importance_samples=20),
    "smoke": Size(
        variant="laptop",
        betas=(0.5, 8.0),
        seeds=1,
        changes={"train.num_steps": 4, "train.batch_size": 16, "train.eval_every": 4},
        num_examples=64,
        importance_samples=2,
    ),
}


def config_of(size: Size) -> ml_collections.ConfigDict:
    """The configuration of the runs, evaluated after the last step by the surgery alone."""
    config = betavae_dsprites.get_config(size.variant).unlock()
    config.update_from_flattened_dict(dict(size.changes))
    config.train.eval_every = config.train.num_steps
    del config.eval["disentanglement"]
    config.eval.elbo_surgery = dict(
        split="train",
        num_examples=size.num_examples,
        importance_samples=size.importance_samples,
    )
    return config.lock()


def run(size: str, folder: Path, strategy: sweep.Strategy | None = None) -> list[dict[str, Any]]:
    """Train what is not trained yet, draw `surgery.png`, and return a row for each run.

    Args:
        size: of `SIZES`.
        folder: receives the figure, and the runs in a folder of their size.
        strategy: of training; None is the platform's.

    Returns:
        `beta`, `seed` and what the evaluation yields, nats per image; none of runs that diverged,
        and none at all where training was stopped.
    """
    chosen = SIZES[size]
    members = sweep.make_members(
        config_of(chosen),
        sweep.grid({BETA: chosen.betas}),
        seeds=range(chosen.seeds),
        workdir=folder / f"surgery_{size}",
    )
    if not sweep.train_members(members, strategy=strategy):
        return []
    rows = [
        {"beta": m.point[BETA], "seed": m.seed, **m.last_metrics()[EVALUATION]}
        for m in members
        if not m.diverged
    ]
    if rows:
        draw(folder / "surgery.png", figures.surgery, rows)
    return rows
