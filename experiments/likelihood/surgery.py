"""Where the KL of beta-VAEs goes: the ELBO surgery of a sweep of beta on dSprites.

A small beta buys information about the image until it meets log N, and then codes that fit nothing:
the rest of the KL is not information but the distance of q(z) from the prior. A large beta gives
both up.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import ml_collections
import numpy as np

from configs import betavae_dsprites
from experiments.style import COLOURS, INK, PALE, draw, panels_of
from experiments.trained import BETA
from vaejax import sweep

EVALUATION = "train/elbo_surgery"
PARTS = {
    "I(n; z)": "mutual_information",
    "total correlation": "total_correlation",
    "dimension-wise KL": "dimension_wise_kl",
}
READINGS = {"log p(x)": "log_likelihood", "ELBO": "elbo"}


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
        draw(folder / "surgery.png", figure, rows)
    return rows


def figure(rows: Sequence[dict[str, Any]]) -> Any:
    """The parts of the KL against beta, stacked; the bound below the evidence. Means of seeds."""
    betas = sorted({row["beta"] for row in rows})

    def mean(name: str) -> np.ndarray:
        return np.array([np.mean([r[name] for r in rows if r["beta"] == beta]) for beta in betas])

    page, (left, right) = panels_of(2, height=2.6)
    places, bottom = np.arange(len(betas)), np.zeros(len(betas))
    for colour, (label, name) in zip(COLOURS, PARTS.items(), strict=False):
        left.bar(places, mean(name), bottom=bottom, width=0.7, color=colour, label=label)
        bottom += mean(name)
    left.plot(places, mean("kl"), "D", color=INK, markersize=3, label="mean KL, closed form")
    left.axhline(rows[0]["log_n"], color=PALE, linestyle=":", linewidth=1, label="log N")
    left.set(ylabel="nats per image", title="where the KL goes")
    left.legend(fontsize=7)
    evidence, bound = (mean(name) for name in READINGS.values())
    right.fill_between(places, bound, evidence, color=PALE, alpha=0.4, linewidth=0)
    for colour, (label, name) in zip(COLOURS, READINGS.items(), strict=False):
        right.plot(places, mean(name), "o-", color=colour, label=label)
    right.set(title="evidence, bound, and the posterior gap between")
    right.legend(fontsize=7)
    for panel in (left, right):
        panel.set_xticks(places, [f"{beta:g}" for beta in betas])
        panel.set_xlabel("β")
    return page
