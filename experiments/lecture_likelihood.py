"""The lecture's pages on likelihood: how tight the bound is, how noisy, and where its KL goes.

    python experiments/lecture_likelihood.py --workdir=runs/likelihood --mnist=FOLDER --laptop

Trains what is not trained yet (a stopped run goes on). `--workdir` then holds `runs/` (with
`--laptop` `runs_laptop/`), `results.json`, which names the runs that diverged, and
    table.md            NLL and active units of VAE and IWAE with k = 1, 5, 50 samples and one or
                        two stochastic layers on MNIST and Omniglot, the paper's in brackets, and
                        what the NLL loses without the inactive units
    estimators.png      variance of gradient estimators against the number of latents
    surgery.png         the KL of a sweep of beta, taken apart
    collapse.png        posterior collapse on pairs of numbers, beside its exact prediction
The published size is the paper's 3,280 epochs, for accelerators. `--laptop` takes 10,000 steps of
20 images for every model; `--smoke` tries the whole path in minutes.

What the lecture and the paper leave open, and what is done here:
    1  The paper's VAE averages sampled log w; here the KL has its closed form where there is one.
       The bound is the same, its gradient less noisy.
    2  NLL is that of test images binarised once, with 5,000 samples; at laptop size of 500 images,
       the same for all models of a seed.
    3  Omniglot is the paper's own file, `chardata.mat`. Where `--omniglot` is the folder of the
       official archives, the split is another one, and the table says so: these rows cannot be
       compared with the paper's. Without either, Omniglot is left out.
    4  What inactive units carry is the difference of two NLLs with 200 samples of the same noise,
       before and after they are removed from the network.
    5  The variance of an estimator is that of the gradient with respect to one mean, on the
       problem of `experiments/likelihood/estimators.py`, where it is known.
"""

import argparse
import itertools
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from experiments.command import MNIST, carry_out, diverged, runs_of, sweep_parser, write_results
from experiments.likelihood import collapse, estimators, surgery, table
from experiments.likelihood.table_text import as_markdown
from experiments.style import check_can_draw
from vaejax import sweep
from vaejax.core.files import write_whole


def run(args: argparse.Namespace) -> None:
    """Train what is not trained yet, then draw and write everything, page by page."""
    check_can_draw()
    folder, size = args.workdir, table.SIZES[args.size]
    if args.omniglot is None:
        seeds = {block: n for block, n in size.seeds.items() if block[0] != "omniglot"}
        size = size._replace(seeds=seeds)
    paths = {"mnist": args.mnist, "omniglot": args.omniglot}
    members = table.members_of(size, paths, runs_of(args))
    everyone = list(itertools.chain(*members.values()))
    results: dict[str, Any] = {}
    pages = {
        "estimators": lambda: estimators.run(args.size, folder),
        "collapse": lambda: collapse.run(args.size, folder),
        "surgery": lambda: surgery.run(args.size, folder, args.strategy),
    }
    for name, page in pages.items():
        results[name] = page()
        write_results(results, folder)
    if not sweep.train_members(everyone, strategy=args.strategy):
        print("stopped; the same command goes on from there")
        return
    rows = table.rows_of(members)
    gaps = table.gaps_of(rows)
    results |= {"table": rows, "gaps": gaps, "diverged": diverged(everyone, folder)}
    write_results(results, folder)
    text = as_markdown(rows, gaps)
    write_whole(folder / "table.md", text)
    print(text, end="")


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line; None takes the process's."""
    flags = sweep_parser(__doc__.splitlines()[0], table.SIZES)
    flags.add_argument("--mnist", type=Path, default=MNIST, help="folder of the four files")
    flags.add_argument("--omniglot", type=Path, help="chardata.mat, or the official archives")
    return flags.parse_args(arguments)


if __name__ == "__main__":
    carry_out(run, parse())
