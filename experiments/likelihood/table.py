"""The lecture's table: NLL and active units of VAE and IWAE with k samples.

Burda, Grosse, Salakhutdinov, Importance weighted autoencoders, 2016, table 1. With k = 1 the two
are one objective, so one run stands in both columns.
"""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import ml_collections
import numpy as np

from configs import iwae_mnist
from vaejax import sweep
from vaejax.metrics.intervals import mean_interval
from vaejax.sweep import Member

MODULES = {"mnist": iwae_mnist}
OBJECTIVES = {"VAE": "elbo", "IWAE": "iwae"}
NUM_SAMPLES = "objective.num_samples"

# (data, stochastic layers, k): (NLL of VAE, its active units, NLL of IWAE, its active units)
PUBLISHED = {
    ("mnist", 1, 1): (86.76, "19", 86.76, "19"),
    ("mnist", 1, 5): (86.47, "20", 85.54, "22"),
    ("mnist", 1, 50): (86.35, "20", 84.78, "25"),
    ("mnist", 2, 1): (85.33, "16+5", 85.33, "16+5"),
    ("mnist", 2, 5): (85.01, "17+5", 83.89, "21+5"),
    ("mnist", 2, 50): (84.78, "17+5", 82.90, "26+7"),
    ("omniglot", 1, 1): (108.11, "28", 108.11, "28"),
    ("omniglot", 1, 5): (107.62, "28", 106.12, "34"),
    ("omniglot", 1, 50): (107.80, "28", 104.67, "41"),
    ("omniglot", 2, 1): (107.58, "28+4", 107.56, "30+5"),
    ("omniglot", 2, 5): (106.31, "30+5", 104.79, "38+6"),
    ("omniglot", 2, 50): (106.30, "30+5", 103.38, "44+7"),
}


class Cell(NamedTuple):
    """A cell of the table: `objective` is VAE or IWAE, `k` its samples."""

    data: str
    layers: int
    objective: str
    k: int


class Size(NamedTuple):
    """How much is trained.

    Attributes:
        variant: of the configurations.
        seeds: of every cell of a block, by data and number of layers; a block that is not there is
            not trained.
        samples: the values of k.
    """

    variant: str
    seeds: Mapping[tuple[str, int], int]
    samples: tuple[int, ...] = (1, 5, 50)


_BLOCKS = tuple(itertools.product(MODULES, (1, 2)))
SIZES = {
    "published": Size("", dict.fromkeys(_BLOCKS, 3)),
    "laptop": Size("laptop", dict.fromkeys(_BLOCKS, 1) | {("mnist", 1): 3}),
    "smoke": Size("smoke", {("mnist", 1): 2, ("mnist", 2): 1}, (1, 2)),
}


def members_of(
    size: Size, paths: Mapping[str, Path | None], workdir: Path
) -> dict[Cell, list[Member]]:
    """The runs of every cell, one per seed; those of k = 1 are the VAE's.

    Args:
        size: how much.
        paths: of the data, by its name; None is the configuration's own.
        workdir: of all runs.
    """
    members = {}
    for (data, layers), seeds in size.seeds.items():
        for objective, k in itertools.product(OBJECTIVES, size.samples):
            if objective == "IWAE" and k == 1:
                continue
            config = config_of(data, layers, objective, size.variant, paths[data])
            (folder, point) = workdir / data / f"{layers}_{objective}", {NUM_SAMPLES: k}
            made = sweep.make_members(config, [point], seeds=range(seeds), workdir=folder)
            members[Cell(data, layers, objective, k)] = made
    return members


def config_of(
    data: str, layers: int, objective: str, variant: str, path: Path | None
) -> ml_collections.ConfigDict:
    """The paper's configuration of a cell, evaluated after its last step."""
    config = MODULES[data].get_config(variant).unlock()
    if path:
        config.data.path = str(path)
    config.model.num_layers = layers
    config.objective = dict(name=OBJECTIVES[objective], num_samples=1)
    config.train.eval_every = config.train.num_steps
    return config.lock()


def rows_of(members: Mapping[Cell, Sequence[Member]]) -> list[dict[str, Any]]:
    """A row per cell: NLL (nats) and active units, top layer last, of each seed, and their mean.

    Seeds that diverged are left out, and so are cells without a healthy one.
    """
    rows = []
    for cell, runs in members.items():
        last = {run.seed: run.last_metrics() for run in runs if not run.diverged}
        if not last:
            continue
        bounds = [metrics["test/importance_weighted"] for metrics in last.values()]
        nll = [-bound["log_likelihood"] for bound in bounds]
        estimate = mean_interval(nll)
        row = {
            "seeds": list(last),
            "nll": nll,
            "mean": estimate.value,
            "interval": (estimate.low, estimate.high),
            "num_images": int(bounds[0]["num_examples"]),
            "active_units": [_units(metrics["train/active_units"]) for metrics in last.values()],
        }
        rows.append({**cell._asdict(), **row, "published": published(cell)})
    return rows


def published(cell: Cell) -> tuple[float, str]:
    """NLL and active units of the paper; with k = 1 one run stands for VAE and IWAE."""
    vae, vae_units, iwae, iwae_units = PUBLISHED[cell.data, cell.layers, cell.k]
    return (iwae, iwae_units) if cell.objective == "IWAE" else (vae, vae_units)


def gaps_of(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """By how many nats of NLL each cell is better than the one before it in k, and than the VAE.

    Seeds are paired: a gap is the mean over seeds of differences between two runs of one seed, on
    the same test images with the same noise, and has a 95 % interval by Student's t.
    """
    by_cell = {tuple(row[name] for name in Cell._fields): row for row in rows}
    gaps = []
    for (data, layers, objective, k), row in by_cell.items():
        earlier = [Cell(data, layers, "VAE", 1)]
        if objective == "IWAE":
            smaller = [c for c in by_cell if c[:3] == (data, layers, "IWAE") and c[3] < k]
            earlier += sorted(smaller, key=lambda cell: cell[3])[-1:]
        for base in earlier:
            other = by_cell.get(base)
            if other is None or other is row:
                continue
            paired = zip(other["seeds"], other["nll"], strict=True), dict(
                zip(row["seeds"], row["nll"], strict=True)
            )
            gap = mean_interval([nll - paired[1][seed] for seed, nll in paired[0] if seed in paired[1]])
            gaps.append({"better": (data, layers, objective, k), "than": tuple(base), "nats": gap.value,
                         "interval": (gap.low, gap.high)})
    return gaps


def as_markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """The table as text: the published numbers in brackets; rows on other data are marked."""
    lines = [
        "| data | stochastic layers | objective | k | NLL, nats | active units | images |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        nll, units = row["published"]
        low, high = row["interval"]
        spread = f" [{low:.2f}, {high:.2f}]" if np.isfinite(low) else ""
        cells = [row["data"], row["layers"], row["objective"], row["k"]]
        cells += [f"{row['mean']:.2f}{spread} ({nll:.2f})"]
        cells += [f"{', '.join(row['active_units'])} ({units})", row["num_images"]]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines) + "\n"
