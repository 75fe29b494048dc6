"""Choose beta by the Higgins metric on a few labelled images.

    python experiments/select_beta.py --workdir=runs/select_beta --num_labels=100,1000,10000

Sweeps `configs/betavae_dsprites.py` over beta and latent size (a run that is there already is not
trained again), scores each model's codes of that many labelled images, and writes to `workdir`
    runs         the runs; with `--laptop` or `--smoke` `runs_laptop`, `runs_smoke`;
    scores.csv   one line per model and number of labels, with a 95 % bootstrap interval over draws
                 of the images: how well the labels score this model, not how seeds differ;
    scores.png   the score against beta_norm = beta M / N, a line per latent size M, a panel per
                 number of labels (the inverted U of Higgins et al., beta-VAE, 2017, figure 6);
                 needs matplotlib.
It prints the best beta and beta_norm per latent size and number of labels. The published sweep
takes hours on a GPU; `--laptop` is a small one, with upright sprites and a dense network, and
`--smoke` tries the whole path in a minute. `future_plans.py` is the whole experiment: several
seeds, and what few labels cost.
"""

import argparse
import csv
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from configs import betavae_dsprites
from experiments.command import carry_out, diverged, runs_of, sweep_parser
from experiments.labels import label_scores
from experiments.style import COLOURS, can_draw, draw, panels_of
from experiments.trained import BETA, LATENT_SIZE, Trained, trained
from vaejax import metrics, sweep
from vaejax.config import ConfigError
from vaejax.objectives import normalise_beta
from vaejax.run import build

NUM_REPEATS = 10  # draws of the labelled images


class Size(NamedTuple):
    """What is swept where flags do not say otherwise.

    Attributes:
        variant: of the configuration.
        betas: weights of the KL divergence, over the sum of the pixels' log-likelihoods.
        latent_sizes: numbers of codes.
        num_labels: labelled images to choose by.
    """

    variant: str = ""
    betas: Sequence[float] = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 64.0)
    latent_sizes: Sequence[int] = (5, 10, 20)
    num_labels: Sequence[int] = (100, 1_000, 10_000)


SIZES = {
    "published": Size(),
    "laptop": Size("laptop"),
    "smoke": Size("smoke", betas=(1.0, 4.0), latent_sizes=(2,), num_labels=(50, 100)),
}


class Score(NamedTuple):
    """The Higgins metric of the models of a point, with labels for some images."""

    latent_size: int
    beta: float
    beta_norm: float
    num_labels: int
    score: float
    low: float
    high: float


def members_of(size: Size, num_steps: int | None, workdir: Path) -> list[sweep.Member]:
    """The runs of `configs/betavae_dsprites.py` for every latent size and beta.

    Args:
        size: of the sweep.
        num_steps: of every run; None takes the configuration's.
        workdir: folder of the runs.
    """
    config = betavae_dsprites.get_config(size.variant)
    with config.unlocked():
        del config.eval["disentanglement"]
    if num_steps is not None:
        config.train.num_steps = num_steps
    points = sweep.grid({LATENT_SIZE: size.latent_sizes, BETA: size.betas})
    return sweep.make_members(config, points, seeds=[config.train.seed], workdir=workdir)


def with_interval(values: np.ndarray) -> tuple[float, float, float]:
    """The mean of values and its 95 % bootstrap interval."""
    return float(values.mean()), *metrics.bootstrap_interval(values, rng=jax.random.key(0))


def scores_of(model: Trained, num_labels: Sequence[int]) -> list[Score]:
    """The model's score for every number of labels."""
    point, input_size = model.member.point, int(np.prod(model.run.source.image_shape))
    latent_size, beta = point[LATENT_SIZE], point[BETA]
    beta_norm = normalise_beta(beta, latent_size=latent_size, input_size=input_size)
    return [
        Score(latent_size, beta, beta_norm, n, *with_interval(values))
        for n, values in label_scores(model, num_labels, NUM_REPEATS).items()
    ]


def best(scores: Sequence[Score], *, latent_size: int, num_labels: int) -> Score:
    """The score of the beta to choose for a latent size, by that many labels."""
    of_both = [s for s in scores if (s.latent_size, s.num_labels) == (latent_size, num_labels)]
    return max(of_both, key=lambda s: s.score)


def write_table(scores: Sequence[Score], path: Path) -> None:
    """A line per score, with commas."""
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([Score._fields, *scores])


def score_panels(scores: Sequence[Score]) -> Any:
    """Score against beta_norm: a panel per number of labels, a line per latent size."""
    counts, sizes = ({getattr(s, name) for s in scores} for name in ("num_labels", "latent_size"))
    figure, panels = panels_of(len(counts), height=2.8, width=2.5 * len(counts), sharey=True)
    for panel, count in zip(panels, sorted(counts), strict=True):
        for colour, size in zip(COLOURS, sorted(sizes), strict=False):
            line = [s for s in scores if (s.num_labels, s.latent_size) == (count, size)]
            line.sort(key=lambda s: s.beta_norm)
            x, y = [s.beta_norm for s in line], [s.score for s in line]
            spread = [[s.score - s.low for s in line], [s.high - s.score for s in line]]
            style = {"color": colour, "marker": "o", "capsize": 2}
            panel.errorbar(x, y, spread, label=f"{size} latents", **style)
        panel.set(xscale="log", xlabel=r"$\beta_\mathrm{norm}$", title=f"{count:,} labels")
    panels[0].set_ylabel("beta-VAE metric")
    panels[0].legend()
    return figure


def numbers(kind: type) -> Any:
    """A command-line type: numbers with commas between them."""
    return lambda text: [kind(part) for part in text.split(",")]


def size_of(args: argparse.Namespace) -> Size:
    """The size that was asked for, changed by what other flags say."""
    given = {name: getattr(args, name) for name in ("betas", "latent_sizes", "num_labels")}
    return SIZES[args.size]._replace(**{name: some for name, some in given.items() if some})


def run(args: argparse.Namespace) -> None:
    """Train what is not trained yet, score, and sum up."""
    folder, size = args.workdir, size_of(args)
    members = members_of(size, args.num_steps, runs_of(args))
    num_images = len(build(members[0].config).source)
    if max(size.num_labels) > num_images:
        wanted = max(size.num_labels)
        raise ConfigError(f"--num_labels: expected at most {num_images}, got {wanted}")
    if not sweep.train_members(members, strategy=args.strategy):
        print("stopped; the same command goes on from there")
        return
    for name in diverged(members, folder):
        print(f"{name}: diverged")
    scores = [score for model in trained(members) for score in scores_of(model, size.num_labels)]
    write_table(scores, folder / "scores.csv")
    for latent_size in sorted({score.latent_size for score in scores}):
        for count in size.num_labels:
            chosen = best(scores, latent_size=latent_size, num_labels=count)
            print(
                f"{latent_size} latents, {count:,} labels: beta {chosen.beta:g}, beta_norm "
                f"{chosen.beta_norm:.4g}, score {chosen.score:.3f} "
                f"[{chosen.low:.3f}, {chosen.high:.3f}]"
            )
    if not can_draw():
        print("no scores.png: it needs matplotlib (pip install 'vaejax[plots]')")
    elif scores:
        draw(folder / "scores.png", score_panels, scores)


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line; None takes the process's."""
    flags = sweep_parser(__doc__.splitlines()[0], SIZES)
    flags.add_argument("--num_labels", type=numbers(int), help="images; default: the size's")
    flags.add_argument("--betas", type=numbers(float), help="default: the size's")
    flags.add_argument("--latent_sizes", type=numbers(int), help="default: the size's")
    flags.add_argument("--num_steps", type=int, help="of every run; default: the configuration's")
    return flags.parse_args(arguments)


if __name__ == "__main__":
    carry_out(run, parse())
