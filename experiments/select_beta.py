"""Choose beta by the Higgins metric on a few labelled images.

    python experiments/select_beta.py --workdir=runs/select_beta --num_labels=100,1000,10000

Sweeps `configs/betavae_dsprites.py` over beta and latent size (a run that is there already is not
trained again), scores each model's codes of that many labelled images, and writes to `workdir`
    runs         the runs; with `--laptop` or `--smoke` `runs_laptop`, `runs_smoke`;
    scores.csv   one line per model and number of labels: the score, with a 95 % interval over draws
                 of the labelled images, and how many of the draws choose this beta;
    scores.png   the score against beta_norm = beta M / N, a line per latent size M, a panel per
                 number of labels (the inverted U of Higgins et al., beta-VAE, 2017, figure 6);
                 needs matplotlib.
It prints the best beta and beta_norm per latent size and number of labels, and how sure the choice
is: the share of the draws of labels that each beta wins, and of those in which some tie. There is
one seed: how models of others differ is not in these numbers. The published sweep takes hours on a
GPU; `--laptop` is a small one, with upright sprites and a dense network, and `--smoke` tries the
whole path in a minute. `future_plans.py` is the whole experiment: several seeds, and what few
labels cost.
"""

import argparse
import csv
import io
import math
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from configs import betavae_dsprites
from experiments.command import carry_out, diverged, runs_of, sweep_parser
from experiments.labels import label_scores, num_tied, shares_of_choice
from experiments.style import COLOURS, can_draw, draw, panels_of
from experiments.trained import BETA, LATENT_SIZE, Trained, trained
from vaejax import metrics, sweep
from vaejax.core.files import write_whole
from vaejax.objectives import normalise_beta
from vaejax.runs.config import ConfigError
from vaejax.runs.setup import build

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


class Reading(NamedTuple):
    """What the labels say of a model: by their number, the metric of every draw of them, [R]."""

    latent_size: int
    beta: float
    beta_norm: float
    label_scores: dict[int, np.ndarray]


class Score(NamedTuple):
    """The Higgins metric of a model, with labels for some images.

    Attributes:
        latent_size, beta, beta_norm: of the model.
        num_labels: how many images.
        score: the mean over draws of the images from the training split.
        low, high: a 95 % interval for its expectation over such draws; NaN where all agree.
        share_chosen: of the draws that choose this beta among those of its latent size.
        share_tied: of the draws in which several of them score highest and share the choice.
    """

    latent_size: int
    beta: float
    beta_norm: float
    num_labels: int
    score: float
    low: float
    high: float
    share_chosen: float
    share_tied: float


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


def read(models: Iterable[Trained], num_labels: Sequence[int]) -> list[Reading]:
    """Read all models."""
    readings = []
    for model in models:
        point, input_size = model.member.point, math.prod(model.run.source.image_shape)
        latent_size, beta = point[LATENT_SIZE], point[BETA]
        beta_norm = normalise_beta(beta, latent_size=latent_size, input_size=input_size)
        values = label_scores(model, num_labels, NUM_REPEATS)
        readings.append(Reading(latent_size, beta, beta_norm, values))
    return readings


def scores_of(readings: Sequence[Reading], *, latent_size: int, num_labels: int) -> list[Score]:
    """The scores of the models of a latent size, with that many labels."""
    some = [reading for reading in readings if reading.latent_size == latent_size]
    shares = shares_of_choice(np.stack([reading.label_scores[num_labels] for reading in some]))
    tied = num_tied(shares) / shares.shape[1]
    scores = []
    for reading, share in zip(some, shares.mean(1), strict=True):
        score, _, low, high = metrics.mean_interval(reading.label_scores[num_labels])
        model = latent_size, reading.beta, reading.beta_norm, num_labels
        scores.append(Score(*model, score, low, high, float(share), tied))
    return scores


def choice(scores: Sequence[Score]) -> str:
    """What labels choose among the models of one latent size, and how surely, in a line."""
    best = max(score.score for score in scores)
    chosen = [score for score in scores if score.score == best]
    betas = " or ".join(f"beta {s.beta:g}, beta_norm {s.beta_norm:.4g}" for s in chosen)
    first, ranked = chosen[0], sorted(scores, key=lambda s: -s.share_chosen)
    interval = "" if math.isnan(first.low) else f" [{first.low:.3f}, {first.high:.3f}]"
    shares = ", ".join(f"beta {s.beta:g} {s.share_chosen:.0%}" for s in ranked if s.share_chosen)
    return (
        f"{first.latent_size} latents, {first.num_labels:,} labels: {betas}, score {best:.3f}"
        f"{interval}; of {NUM_REPEATS} draws of the labels: {shares} ({first.share_tied:.0%} tied)"
    )


def write_table(scores: Sequence[Score], path: Path) -> None:
    """A line per score, with commas; what is not known is empty."""
    rows = [["" if math.isnan(value) else value for value in score] for score in scores]
    table = io.StringIO()
    csv.writer(table).writerows([Score._fields, *rows])
    write_whole(path, table.getvalue())


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
    readings = read(trained(members), size.num_labels)
    scores = []
    for latent_size in sorted({reading.latent_size for reading in readings}):
        for count in size.num_labels:
            some = scores_of(readings, latent_size=latent_size, num_labels=count)
            scores += some
            print(choice(some))
    write_table(sorted(scores), folder / "scores.csv")
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
