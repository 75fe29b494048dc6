"""Choose beta by the Higgins metric on a few labelled images.

    python experiments/select_beta.py --workdir=runs/select_beta --num_labels=100,1000,10000

Sweeps `configs/betavae_dsprites.py` over beta and latent size (a run that is there already is not
trained again), scores each model's codes of that many labelled images, and writes to `workdir`
    scores.csv   one line per model and number of labels, with a 95 % bootstrap interval;
    scores.png   the score against beta_norm = beta M / N, a line per latent size M, a panel per
                 number of labels (the inverted U of Higgins et al., beta-VAE, 2017, figure 6);
                 needs matplotlib.
It prints the best beta and beta_norm per latent size and number of labels. The published sweep
takes hours on a GPU; `--variant=laptop` is a small one, with upright sprites and a dense network,
and `--variant=smoke` tries the whole path in a minute. `future_plans.py` is the whole experiment:
several seeds, and what few labels cost.
"""

import argparse
import csv
import importlib.util
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from configs import betavae_dsprites
from experiments.command import carry_out
from experiments.style import COLOURS, draw, panels_of
from experiments.trained import Trained, codes_of, trained
from vaejax import metrics, sweep
from vaejax.evaluators import some_examples
from vaejax.evaluators.disentanglement import Table, varying
from vaejax.objectives import normalise_beta

BETA, LATENT_SIZE = "objective.beta", "model.latent_size"
NUM_REPEATS = 10
# More points of the same few images would not say more.
POINTS = {"num_train": 2_000, "num_eval": 1_000}


class Score(NamedTuple):
    """The Higgins metric of the models of a point, with labels for some images."""

    latent_size: int
    beta: float
    beta_norm: float
    num_labels: int
    score: float
    low: float
    high: float


def members_of(
    workdir: Path,
    *,
    betas: Sequence[float],
    latent_sizes: Sequence[int],
    variant: str = "",
    num_steps: int | None = None,
) -> list[sweep.Member]:
    """The runs of `configs/betavae_dsprites.py` for every latent size and beta.

    Args:
        workdir: folder of the runs.
        betas: weights of the KL divergence, over the sum of the pixels' log-likelihoods.
        latent_sizes: numbers of codes.
        variant: of the configuration.
        num_steps: of every run; None takes the configuration's.
    """
    config = betavae_dsprites.get_config(variant)
    with config.unlocked():
        del config.eval["disentanglement"]
    if num_steps is not None:
        config.train.num_steps = num_steps
    points = sweep.grid({LATENT_SIZE: latent_sizes, BETA: betas})
    return sweep.make_members(config, points, seeds=[config.train.seed], workdir=workdir)


def labelled_codes(model: Trained, num_labels: int) -> Table:
    """Codes of random images of the training set, the same for all models, with their factors."""
    labelled = some_examples(model.run.source, num_labels)
    table = codes_of(model, [labelled])
    return table._replace(factors=varying(table.factors))


def higgins_scores(table: Table, num_labels: int, num_repeats: int = NUM_REPEATS) -> np.ndarray:
    """The metric for random choices of the labelled images, [R]; the same choices for all models.

    Args:
        table: at least `num_labels` codes, with their factors.
        num_labels: how many of them are taken.
        num_repeats: R.
    """
    values = []
    for repeat in range(num_repeats):
        rows = np.random.default_rng(repeat).choice(len(table.means), num_labels, replace=False)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "codes: .* points")  # few labels are the point here
            result = metrics.beta_vae_score(
                table.means[rows], table.factors[rows], rng=jax.random.key(repeat), **POINTS
            )
        values.append(result["beta_vae_score"])
    return np.array(values)


def with_interval(values: np.ndarray) -> tuple[float, float, float]:
    """The mean of values and its 95 % bootstrap interval."""
    return float(values.mean()), *metrics.bootstrap_interval(values, rng=jax.random.key(0))


def scores_of(model: Trained, num_labels: Sequence[int]) -> list[Score]:
    """The model's score for every number of labels."""
    table = labelled_codes(model, max(num_labels))
    point, input_size = model.member.point, int(np.prod(model.run.source.image_shape))
    latent_size, beta = point[LATENT_SIZE], point[BETA]
    beta_norm = normalise_beta(beta, latent_size=latent_size, input_size=input_size)
    return [
        Score(latent_size, beta, beta_norm, n, *with_interval(higgins_scores(table, n)))
        for n in num_labels
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


def run(args: argparse.Namespace) -> None:
    """Train what is not trained yet, score, and sum up."""
    sizes = {"betas": args.betas, "latent_sizes": args.latent_sizes, "num_steps": args.num_steps}
    members = members_of(args.workdir, variant=args.variant, **sizes)
    if not sweep.train_members(members):
        print("stopped; the same command goes on from there")
        return
    scores = [score for model in trained(members) for score in scores_of(model, args.num_labels)]
    write_table(scores, args.workdir / "scores.csv")
    if importlib.util.find_spec("matplotlib"):
        draw(args.workdir / "scores.png", score_panels, scores)
    else:
        print("no scores.png: it needs matplotlib")
    for latent_size in args.latent_sizes:
        for count in args.num_labels:
            chosen = best(scores, latent_size=latent_size, num_labels=count)
            print(
                f"{latent_size} latents, {count:,} labels: beta {chosen.beta:g}, beta_norm "
                f"{chosen.beta_norm:.4g}, score {chosen.score:.3f} "
                f"[{chosen.low:.3f}, {chosen.high:.3f}]"
            )


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--workdir", type=Path, required=True, help="folder of the runs and results"
    )
    parser.add_argument("--num_labels", type=numbers(int), default=[100, 1_000, 10_000])
    parser.add_argument("--betas", type=numbers(float), default=[0.5, 1, 2, 4, 8, 16, 64])
    parser.add_argument("--latent_sizes", type=numbers(int), default=[5, 10, 20])
    parser.add_argument("--num_steps", type=int, help="of every run; default: the configuration's")
    parser.add_argument("--variant", default="", help="of the configuration: laptop, smoke")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    carry_out(run, parse())
