"""Choose beta by the Higgins metric on a few labelled images.

    python experiments/select_beta.py --workdir=runs/select_beta --num_labels=100,1000,10000

Trains `configs/betavae_dsprites.py` for every beta and latent size (a run that is there already is
not trained again), scores each model's codes of that many labelled images, and writes to `workdir`
    scores.csv   one line per model and number of labels, with a 95 % bootstrap interval;
    scores.png   the score against beta_norm = beta M / N, a line per latent size M, a panel per
                 number of labels (the inverted U of Higgins et al., beta-VAE, 2017, figure 6);
                 needs matplotlib.
It prints the best beta and beta_norm per latent size and number of labels. The published sweep
takes hours on a GPU; `--variant=smoke` tries the whole path in a minute.
"""

import argparse
import csv
import importlib.util
import sys
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from configs import betavae_dsprites
from vaejax import metrics
from vaejax.evaluators import some_examples
from vaejax.evaluators.disentanglement import Table, Tables
from vaejax.objectives import normalise_beta
from vaejax.run import build
from vaejax.train import train

NUM_REPEATS = 10


class Score(NamedTuple):
    """The Higgins metric of one model with labels for some images."""

    latent_size: int
    beta: float
    beta_norm: float
    num_labels: int
    score: float
    low: float
    high: float


def numbers(kind: type) -> Any:
    """A command-line type: numbers with commas between them."""
    return lambda text: [kind(part) for part in text.split(",")]


def codes_of(args: argparse.Namespace, beta: float, latent_size: int) -> Table:
    """Codes of the labelled images under the model of one beta and latent size, trained here."""
    config = betavae_dsprites.get_config(args.variant)
    with config.unlocked():
        del config.eval["disentanglement"]
    config.objective.beta, config.model.latent_size = beta, latent_size
    if args.num_steps is not None:
        config.train.num_steps = args.num_steps
    state = train(config, args.workdir / f"beta_{beta:g}_latents_{latent_size}")
    run = build(config)
    labelled = some_examples(run.source, max(args.num_labels))
    factors = labelled.factors(np.arange(len(labelled)))
    return Tables(run.context, [labelled], factors, 64).of_model(state)


def score(table: Table, num_labels: int) -> tuple[float, float, float]:
    """The metric's mean and interval over random choices of the labelled images."""
    values = []
    for repeat in range(NUM_REPEATS):
        key = jax.random.key(repeat)
        rows = np.random.default_rng(repeat).choice(len(table.means), num_labels, replace=False)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "codes: .* points")  # few labels are the point here
            result = metrics.beta_vae_score(table.means[rows], table.factors[rows], rng=key)
        values.append(result["beta_vae_score"])
    return float(np.mean(values)), *metrics.bootstrap_interval(values, rng=jax.random.key(0))


def draw(scores: list[Score], path: Path) -> None:
    """Score against beta_norm: a panel per number of labels, a line per latent size."""
    from matplotlib import pyplot

    counts = sorted({s.num_labels for s in scores})
    figure, panels = pyplot.subplots(
        1, len(counts), figsize=(4 * len(counts), 3.2), sharey=True, squeeze=False
    )
    for panel, count in zip(panels[0], counts, strict=True):
        for size in sorted({s.latent_size for s in scores}):
            line = [s for s in scores if (s.num_labels, s.latent_size) == (count, size)]
            x, y = [s.beta_norm for s in line], [s.score for s in line]
            spread = [[s.score - s.low for s in line], [s.high - s.score for s in line]]
            panel.errorbar(x, y, spread, marker="o", capsize=2, label=f"{size} latents")
        panel.set(xscale="log", xlabel="beta_norm", title=f"{count:,} labels")
    panels[0][0].set_ylabel("beta-VAE metric")
    panels[0][0].legend()
    figure.savefig(path, dpi=150, bbox_inches="tight")
    pyplot.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--workdir", type=Path, required=True, help="folder of the runs and results"
    )
    parser.add_argument("--num_labels", type=numbers(int), default=[100, 1_000, 10_000])
    parser.add_argument("--betas", type=numbers(float), default=[0.5, 1, 2, 4, 8, 16, 64])
    parser.add_argument("--latent_sizes", type=numbers(int), default=[5, 10, 20])
    parser.add_argument("--num_steps", type=int, help="of every run; default: the configuration's")
    parser.add_argument("--variant", default="", help="of the configuration, such as smoke")
    args = parser.parse_args()
    scores = []
    for latent_size in args.latent_sizes:
        for beta in args.betas:
            table = codes_of(args, beta, latent_size)
            beta_norm = normalise_beta(beta, latent_size=latent_size, input_size=64 * 64)
            scores += [
                Score(latent_size, beta, beta_norm, count, *score(table, count))
                for count in args.num_labels
            ]
    with (args.workdir / "scores.csv").open("w", newline="") as file:
        csv.writer(file).writerows([Score._fields, *scores])
    if importlib.util.find_spec("matplotlib"):
        draw(scores, args.workdir / "scores.png")
    else:
        print("no scores.png: it needs matplotlib")
    for latent_size in args.latent_sizes:
        for count in args.num_labels:
            best = max(
                (s for s in scores if (s.latent_size, s.num_labels) == (latent_size, count)),
                key=lambda s: s.score,
            )
            print(
                f"{latent_size} latents, {count:,} labels: beta {best.beta:g}, beta_norm "
                f"{best.beta_norm:.4g}, score {best.score:.3f} [{best.low:.3f}, {best.high:.3f}]"
            )


if __name__ == "__main__":
    main()
