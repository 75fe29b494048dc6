"""Choose beta by the Higgins metric on a few labelled images.

    python experiments/select_beta.py --workdir=runs/select_beta --num_labels=100,1000,10000

Trains `configs/betavae_dsprites.py` for every beta and latent size (a run that is there already is
not trained again), scores each model's codes of that many labelled images, and writes to `workdir`
    scores.csv   one line per model and number of labels, with a 95 % bootstrap interval;
    scores.png   the score against beta_norm = beta M / N, a line per latent size M, a panel per
                 number of labels (the inverted U of Higgins et al., beta-VAE, 2017, figure 6);
                 needs matplotlib.
It prints the best beta and beta_norm per latent size and number of labels. The published sweep
takes hours on a GPU; `--variant=laptop` is a small one, with upright sprites and a dense network,
and `--variant=smoke` tries the whole path in a minute.
"""

import argparse
import csv
import importlib.util
import sys
import warnings
from collections.abc import Iterator, Sequence
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
from vaejax.run import Run, build
from vaejax.train import train
from vaejax.train_state import TrainState

NUM_REPEATS = 10
BATCH = 64  # images that are encoded at a time


class Trained(NamedTuple):
    """A model of the sweep."""

    latent_size: int
    beta: float
    beta_norm: float
    run: Run
    state: TrainState


class Score(NamedTuple):
    """The Higgins metric of one model with labels for some images."""

    latent_size: int
    beta: float
    beta_norm: float
    num_labels: int
    score: float
    low: float
    high: float


def trained(
    workdir: Path,
    *,
    betas: Sequence[float],
    latent_sizes: Sequence[int],
    variant: str = "",
    num_steps: int | None = None,
) -> Iterator[Trained]:
    """The models of `configs/betavae_dsprites.py` for every latent size and beta.

    Args:
        workdir: folder of the runs; those that are there are not trained again.
        betas: weights of the KL divergence, over the sum of the pixels' log-likelihoods.
        latent_sizes: numbers of codes.
        variant: of the configuration.
        num_steps: of every run; None takes the configuration's.
    """
    for latent_size in latent_sizes:
        for beta in betas:
            config = betavae_dsprites.get_config(variant)
            with config.unlocked():
                del config.eval["disentanglement"]
            config.objective.beta, config.model.latent_size = float(beta), latent_size
            if num_steps is not None:
                config.train.num_steps = num_steps
            state = train(config, workdir / f"beta_{beta:g}_latents_{latent_size}")
            run = build(config)
            input_size = int(np.prod(run.source.image_shape))
            beta_norm = normalise_beta(beta, latent_size=latent_size, input_size=input_size)
            yield Trained(latent_size, beta, beta_norm, run, state)


def labelled_codes(model: Trained, num_labels: int) -> Table:
    """Codes of random images of the training set, the same for all models, with their factors."""
    labelled = some_examples(model.run.source, num_labels)
    factors = labelled.factors(np.arange(len(labelled)))
    table = Tables(model.run.context, [labelled], factors, BATCH).of_model(model.state)
    varying = factors.max(0) > factors.min(0)  # without those that the data hold fixed
    return table._replace(factors=factors[:, varying])


def higgins_score(table: Table, num_labels: int) -> tuple[float, float, float]:
    """The metric's mean and 95 % interval over random choices of the labelled images."""
    values = []
    for repeat in range(NUM_REPEATS):
        rows = np.random.default_rng(repeat).choice(len(table.means), num_labels, replace=False)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "codes: .* points")  # few labels are the point here
            result = metrics.beta_vae_score(
                table.means[rows], table.factors[rows], rng=jax.random.key(repeat)
            )
        values.append(result["beta_vae_score"])
    return float(np.mean(values)), *metrics.bootstrap_interval(values, rng=jax.random.key(0))


def scores_of(model: Trained, num_labels: Sequence[int]) -> list[Score]:
    """The model's score for every number of labels."""
    table = labelled_codes(model, max(num_labels))
    return [Score(*model[:3], count, *higgins_score(table, count)) for count in num_labels]


def best(scores: Sequence[Score], *, latent_size: int, num_labels: int) -> Score:
    """The score of the beta to choose for a latent size, by that many labels."""
    of_both = [s for s in scores if (s.latent_size, s.num_labels) == (latent_size, num_labels)]
    return max(of_both, key=lambda s: s.score)


def write_table(scores: Sequence[Score], path: Path) -> None:
    """A line per score, with commas."""
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([Score._fields, *scores])


def draw(scores: Sequence[Score], path: Path) -> None:
    """Score against beta_norm: a panel per number of labels, a line per latent size."""
    from matplotlib import pyplot

    counts = sorted({s.num_labels for s in scores})
    figure, panels = pyplot.subplots(
        1, len(counts), figsize=(4 * len(counts), 3.2), sharey=True, squeeze=False
    )
    for panel, count in zip(panels[0], counts, strict=True):
        for size in sorted({s.latent_size for s in scores}):
            line = [s for s in scores if (s.num_labels, s.latent_size) == (count, size)]
            line.sort(key=lambda s: s.beta_norm)
            x, y = [s.beta_norm for s in line], [s.score for s in line]
            spread = [[s.score - s.low for s in line], [s.high - s.score for s in line]]
            panel.errorbar(x, y, spread, marker="o", capsize=2, label=f"{size} latents")
        panel.set(xscale="log", xlabel="beta_norm", title=f"{count:,} labels")
    panels[0][0].set_ylabel("beta-VAE metric")
    panels[0][0].legend()
    figure.savefig(path, dpi=150, bbox_inches="tight")
    pyplot.close(figure)


def numbers(kind: type) -> Any:
    """A command-line type: numbers with commas between them."""
    return lambda text: [kind(part) for part in text.split(",")]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--workdir", type=Path, required=True, help="folder of the runs and results"
    )
    parser.add_argument("--num_labels", type=numbers(int), default=[100, 1_000, 10_000])
    parser.add_argument("--betas", type=numbers(float), default=[0.5, 1, 2, 4, 8, 16, 64])
    parser.add_argument("--latent_sizes", type=numbers(int), default=[5, 10, 20])
    parser.add_argument("--num_steps", type=int, help="of every run; default: the configuration's")
    parser.add_argument("--variant", default="", help="of the configuration: laptop, smoke")
    args = parser.parse_args(arguments)
    scores = []
    for model in trained(
        args.workdir,
        betas=args.betas,
        latent_sizes=args.latent_sizes,
        variant=args.variant,
        num_steps=args.num_steps,
    ):
        scores += scores_of(model, args.num_labels)
    write_table(scores, args.workdir / "scores.csv")
    if importlib.util.find_spec("matplotlib"):
        draw(scores, args.workdir / "scores.png")
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


if __name__ == "__main__":
    main()
