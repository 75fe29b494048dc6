"""The plan of the source documents: how to choose beta, and what that does to the likelihood.

    python experiments/future_plans.py --workdir=runs/plans --laptop

Trains `configs/betavae_dsprites.py` for a grid of beta_norm = beta M / N (M latents, N pixels),
latent sizes and seeds; a finished run is not trained again, a stopped one goes on. `--workdir`
then holds `runs/` (with `--laptop` `runs_laptop/`), `results.json`, the table `results.csv` of all
metrics, and
    heat_map.png      scores over latent size and beta_norm
    inverted_u.png    the same against beta_norm, a line per latent size: Higgins et al., beta-VAE,
                      2017, figure 6; and how many latents are active
    few_labels.png    the beta-VAE metric from 100, 1,000 and 10,000 labelled images
    choice.png        how far the models that those labels choose are from the best ones
    likelihood.png    log p(x) of held-out images against beta_norm, and the metric against it
The published size, 140 runs of 300,000 steps, is for accelerators (a run takes about ten hours on
two CPU cores). `--laptop` takes dense networks, upright sprites and short runs, a quarter of an
hour on one core; `--smoke` tries the whole path in a minute.

What the plan leaves open, and what is done here:
    1  N counts pixels times channels, M all latents, active or not.
    2  "Disentanglement" is the beta-VAE metric, as in the plan; beside it the FactorVAE metric and
       MIG, because the first saturates. Scores "by all labels" are of `Size.num_images` images.
    3  Log-likelihood: the importance-weighted bound of held-out images (split `test`), which is
       log p(x) or less; with few samples and a poor posterior, much less.
    4  A choice of beta: the model with the highest metric on the labelled images among those of one
       latent size and seed; models that tie share it. The images are drawn anew from the training
       split for every repeat, the same for all models. Intervals are over seeds, of the means over
       repeats.
"""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import ml_collections

sys.path.insert(0, str(Path(__file__).parent.parent))

from configs import betavae_dsprites
from experiments.command import carry_out, diverged, runs_of, sweep_parser, write_results
from experiments.plans import figures
from experiments.plans.readings import BETA_NORM, read, results_of
from experiments.style import check_can_draw, draw
from experiments.trained import LATENT_SIZE
from vaejax import sweep

FIGURES = {
    "heat_map": figures.heat_map,
    "inverted_u": figures.inverted_u,
    "few_labels": figures.few_labels,
    "choice": figures.choices,
    "likelihood": figures.likelihood,
}


class Size(NamedTuple):
    """How much is trained, and how well it is measured.

    Attributes:
        variant: of the configuration.
        beta_norms: of the grid.
        latent_sizes: of the grid.
        seeds: of every point.
        num_labels: labelled images to choose by.
        repeats: draws of those.
        train: settings of the section `train` that differ from the configuration's.
        num_images: that the scores "by all labels" are of; None is all.
        num_samples: of the importance-weighted bound.
        num_likelihood: held-out images that it is averaged over.
    """

    variant: str = ""
    beta_norms: tuple[float, ...] = (3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3)
    latent_sizes: tuple[int, ...] = (5, 10, 20, 50)
    seeds: int = 5
    num_labels: tuple[int, ...] = (100, 1_000, 10_000)
    repeats: int = 10
    train: Mapping[str, Any] = {}
    num_images: int | None = 100_000
    num_samples: int = 1_000
    num_likelihood: int = 1_024


SIZES = {
    "published": Size(),
    "laptop": Size(
        variant="laptop",
        beta_norms=(1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3),
        latent_sizes=(5, 10, 20),
        seeds=2,
        repeats=5,
        train=dict(num_steps=1_000, batch_size=32),
        num_images=6_000,
        num_samples=32,
        num_likelihood=256,
    ),
    "smoke": Size(
        variant="laptop",
        beta_norms=(1e-3, 0.1),
        latent_sizes=(2, 3),
        seeds=1,
        num_labels=(50, 100),
        repeats=2,
        train=dict(num_steps=2, batch_size=16),
        num_images=1_200,
        num_samples=4,
        num_likelihood=64,
    ),
}


def config_of(size: Size) -> ml_collections.ConfigDict:
    """The configuration of the runs, evaluated once, after the last step."""
    config = betavae_dsprites.get_config(size.variant)
    config.objective.update(beta=None, beta_norm=size.beta_norms[0])
    config.train.update(size.train)
    config.train.eval_every = config.train.num_steps
    with config.unlocked():
        config.eval.importance_weighted = dict(
            split="test", num_samples=size.num_samples, num_examples=size.num_likelihood
        )
        config.eval.disentanglement.update(
            scores=dict(beta_vae_score={}, factor_vae_score={}, mig={}, active_units={}),
            num_images=size.num_images,
        )
    return config


def members_of(size: Size, workdir: Path) -> list[sweep.Member]:
    """All runs."""
    points = sweep.grid({LATENT_SIZE: size.latent_sizes, BETA_NORM: size.beta_norms})
    return sweep.make_members(config_of(size), points, seeds=range(size.seeds), workdir=workdir)


def run(args: argparse.Namespace) -> None:
    """Train what is not trained yet, then draw and write everything."""
    check_can_draw()
    folder, size = args.workdir, SIZES[args.size]
    members = members_of(size, runs_of(args))
    if not sweep.train_members(members, strategy=args.strategy):
        print("stopped; the same command goes on from there")
        return
    sweep.write_table(sweep.table(members), folder)
    readings = read(members, size.num_labels, size.repeats)
    write_results({**results_of(readings), "diverged": diverged(members, folder)}, folder)
    for name, figure_of in FIGURES.items():
        if readings:
            draw(folder / f"{name}.png", figure_of, readings)


if __name__ == "__main__":
    carry_out(run, sweep_parser(__doc__.splitlines()[0], SIZES).parse_args())
