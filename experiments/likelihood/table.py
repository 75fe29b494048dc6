"""The lecture's table: NLL and active units of VAE and IWAE with k samples.

Burda, Grosse & Salakhutdinov, Importance weighted autoencoders, 2016, table 1. With k = 1 the two
are one objective, so one run stands in both columns.
"""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import ml_collections

from configs import iwae_mnist, iwae_omniglot
from experiments.likelihood.inactive import inactive
from experiments.seeds import paired_gap
from vaejax import sweep
from vaejax.metrics import mean_interval
from vaejax.sweep import Member

MODULES = {"mnist": iwae_mnist, "omniglot": iwae_omniglot}
OBJECTIVES = {"VAE": "elbo", "IWAE": "iwae"}
NUM_SAMPLES = "objective.num_samples"

# (data, stochastic layers, k): NLL of the VAE, its active units, NLL of the IWAE, its active units
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
    """A cell of the table.

    Attributes:
        data: "mnist" or "omniglot".
        layers: stochastic ones.
        objective: "VAE" or "IWAE".
        k: samples per image in training.
    """

    data: str
    layers: int
    objective: str
    k: int

    @property
    def published(self) -> tuple[float, str]:
        """NLL, nats, and active units in the paper, those of the upper layer last."""
        vae, vae_units, iwae, iwae_units = PUBLISHED[self.data, self.layers, self.k]
        return (vae, vae_units) if self.objective == "VAE" else (iwae, iwae_units)


class Size(NamedTuple):
    """How much is trained.

    Attributes:
        variant: of the configurations.
        seeds: of every cell, by data and number of layers.
        samples: the values of k.
    """

    variant: str
    seeds: Mapping[tuple[str, int], int]
    samples: tuple[int, ...] = (1, 5, 50)


_BLOCKS = tuple(itertools.product(MODULES, (1, 2)))
SIZES = {
    "published": Size("", dict.fromkeys(_BLOCKS, 3)),
    "laptop": Size("laptop", dict.fromkeys(_BLOCKS, 1) | {("mnist", 1): 3}),
    "smoke": Size("smoke", {("mnist", 1): 2, ("mnist", 2): 1}, (1, 5)),
}


def members_of(
    size: Size, paths: Mapping[str, Path | None], workdir: Path
) -> dict[Cell, list[Member]]:
    """The runs of every cell, one per seed; none of their own for an IWAE of one sample.

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
            made = sweep.make_members(
                config_of(data, layers, objective, size.variant, paths.get(data)),
                [{NUM_SAMPLES: k}],
                seeds=range(seeds),
                workdir=workdir / data / f"{layers}_{objective}",
            )
            members[Cell(data, layers, objective, k)] = made
    return members


def config_of(
    data: str, layers: int, objective: str, variant: str, path: Path | None
) -> ml_collections.ConfigDict:
    """The paper's configuration with the layers and the objective of a cell.

    It is evaluated after its last step. A folder as the path of Omniglot holds the official
    archives, which are another split than the paper's file.
    """
    config = MODULES[data].get_config(variant).unlock()
    if path and data == "omniglot" and path.is_dir():
        config.data = dict(name="omniglot", path=str(path), binarize="dynamic")
    elif path:
        config.data.path = str(path)
    config.model.num_layers = layers
    config.objective = dict(name=OBJECTIVES[objective], num_samples=1)
    config.train.update(eval_every=config.train.num_steps, best_metric="log_likelihood")
    del config.eval["bound"]  # of a validation split, which no row is about
    return config.lock()


def rows_of(members: Mapping[Cell, Sequence[Member]]) -> list[dict[str, Any]]:
    """A row per cell: NLL, nats, and active units of each seed; NLL's mean and its 95 % interval.

    `without_inactive` is by how many nats the NLL of each seed rises without its inactive units,
    None where it has none; see `inactive`. Seeds that diverged are left out, and so are cells
    without a healthy one. `comparable` says whether the data are the paper's.
    """
    rows = []
    for cell, runs in members.items():
        healthy = [run for run in runs if not run.diverged]
        if not healthy:
            continue
        bounds = [run.last_metrics()["test/importance_weighted"] for run in healthy]
        units = [inactive(run) for run in healthy]
        nll = [-bound["log_likelihood"] for bound in bounds]
        estimate = mean_interval(nll)
        row = {
            **cell._asdict(),
            "seeds": [run.seed for run in healthy],
            "nll": nll,
            "mean": estimate.value,
            "interval": (estimate.low, estimate.high),
            "num_images": int(bounds[0]["num_examples"]),
            # The upper layer is last in the paper, groups come top first.
            "active_units": ["+".join(map(str, some.active[::-1])) for some in units],
            "without_inactive": [some.nats for some in units],
            "published": cell.published,
            "comparable": runs[0].config.data.name != "omniglot",
        }
        rows.append(row)
    return rows


def gaps_of(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """By how many nats of NLL each cell is better than the VAE of one sample, and an IWAE than that
    of fewer samples.

    Seeds are paired: a gap is the mean of differences between two runs of one seed, on the same
    test images, with a 95 % interval by Student's t.
    """
    nlls = {
        Cell(*(row[name] for name in Cell._fields)): dict(
            zip(row["seeds"], row["nll"], strict=True)
        )
        for row in rows
    }
    gaps = []
    for cell in nlls:
        fewer = [Cell(*cell[:3], k) for k in sorted(c.k for c in nlls if c[:3] == cell[:3])]
        fewer = [other for other in fewer if other.k < cell.k][-1:]
        for than in dict.fromkeys([Cell(*cell[:2], "VAE", 1), *fewer]):
            if than == cell or than not in nlls:
                continue
            gap = paired_gap(nlls[than], nlls[cell])
            if gap is None:
                continue
            interval = (gap.low, gap.high)
            gaps.append({"of": cell, "than": than, "nats": gap.value, "interval": interval})
    return gaps
