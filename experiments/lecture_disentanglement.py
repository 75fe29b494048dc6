"""The lecture's pages on disentanglement: what capacity buys, and in which order.

    python experiments/lecture_disentanglement.py --workdir=runs/lecture --laptop

Trains the models of four pages (a finished run is not trained again, a stopped one goes on).
`--workdir` then holds `runs/` (with `--laptop` `runs_laptop/`), `results.json` and
    position.png                beta 1, 30 and 150 on one sprite at every place: inputs, outputs,
                                traversals by falling KL, and each latent's mean over 2-D position
    capacity.png                KL of each latent against C, in the colour of its leading factor
    capacity_dependence.png     the share of each latent's variance by factor, as C grows
    capacity_traversals.png     traversals at the end
    trade_off.png               FactorVAE, gamma 10, and beta-VAE, beta 8: scores against
                                reconstruction; trade_off_traversals.png, _reconstructions.png
    coloured.png                the same shares on coloured sprites; coloured_traversals.png,
                                coloured_reconstructions.png
`results.json` names the runs that diverged; a page without a healthy one has no picture.
The published size is for accelerators (estimated from step times: a week on two CPU cores).
`--laptop` takes dense networks and short runs, a quarter of an hour on one core; `--smoke` tries
the whole path in a minute.

What the lecture leaves open, and what is done here:
    1  Both forms of the capacity loss are on its slides, KL - C and |KL - C|: the second. In the
       first C is a constant: its gradient is that of a beta-VAE with beta = gamma.
    2  Position: the paper's blobs are here the largest upright square of dSprites at each of its
       1,024 places, one in ten held out; maps show all of them.
    3  "Switched on" is a KL of 0.5 nats; a factor is told once it explains a quarter of the
       variance of some latent that is on. Orientation counts for less than it does: the turns of
       different shapes, and quarter turns of a square, are different things.
    4  The slide's "min ELBO - gamma KL" of FactorVAE must be max.
    5  The trade-off compares one gamma with one beta, as the slide does; the beta-VAE has batches
       of 64, FactorVAE 64 and 64 others for its discriminator.
    6  Coloured: colours are those of Locatello et al., 2019, uniform in [0.5, 1]^3, new in every
       batch. The colour is no factor; its share is R^2 of a linear regression on R, G and B.
"""

import argparse
import itertools
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from experiments.command import carry_out, diverged, runs_of, sweep_parser, write_results
from experiments.lecture import capacity, coloured, figures, position, trade_off
from experiments.lecture.runs import SIZES, members_of
from experiments.style import check_can_draw, draw
from experiments.trained import trained
from vaejax import sweep
from vaejax.pictures.figures import save_png
from vaejax.sweep import Member


def position_page(members: Sequence[Member], folder: Path) -> list[dict[str, Any]]:
    """Beta 1 to 150."""
    pages = [position.page(model) for model in trained(members)]
    if pages:
        draw(folder / "position.png", figures.position, pages)
    return [position.results_of(page) for page in pages]


def capacity_page(members: Sequence[Member], folder: Path) -> list[dict[str, Any]]:
    """The order in which latents and factors come in; pictures of the first seed."""
    healthy = [member for member in members if not member.diverged]
    rises = [capacity.rise(member) for member in healthy]
    if rises:
        draw(folder / "capacity.png", figures.capacity, rises)
        draw(folder / "capacity_dependence.png", figures.dependence, rises[0])
        panels = trade_off.pictures_of(next(trained(healthy)))
        save_png(folder / "capacity_traversals.png", panels["traversals"])
    return [capacity.results_of(rise) for rise in rises]


def trade_off_page(
    factor_vae: Sequence[Member], beta_vae: Sequence[Member], folder: Path
) -> dict[str, Any]:
    """FactorVAE against beta-VAE; pictures of the first seed."""
    objectives = {"FactorVAE": factor_vae, "beta-VAE": beta_vae}
    numbers = {name: trade_off.numbers_of(members) for name, members in objectives.items()}
    if not all(numbers.values()):  # one of them has nothing to be compared with
        return numbers
    draw(folder / "trade_off.png", figures.trade_off, numbers)
    pictures = {
        name: trade_off.pictures_of(next(trained(members))) for name, members in objectives.items()
    }
    for kind in ("reconstructions", "traversals"):
        some = {name: panels[kind] for name, panels in pictures.items()}
        draw(folder / f"trade_off_{kind}.png", figures.beside, some)
    return trade_off.results_of(numbers)


def coloured_page(
    members: Sequence[Member], num_images: int, folder: Path
) -> dict[str, Any] | None:
    """Coloured sprites; None if their run diverged."""
    model = next(trained(members), None)
    if model is None:
        return None
    shares = coloured.shares_of(model, num_images)
    draw(folder / "coloured.png", figures.coloured, shares)
    panels = trade_off.pictures_of(model)
    for kind in ("reconstructions", "traversals"):
        save_png(folder / f"coloured_{kind}.png", panels[kind])
    return coloured.results_of(shares)


def run(args: argparse.Namespace) -> None:
    """Train what is not trained yet, then draw and write everything, page by page."""
    check_can_draw()
    folder, size = args.workdir, SIZES[args.size]
    members = members_of(size, runs_of(args))
    everyone = list(itertools.chain(*members.values()))
    if not sweep.train_members(everyone, strategy=args.strategy):
        print("stopped; the same command goes on from there")
        return
    results: dict[str, Any] = {"diverged": diverged(everyone, folder)}
    pages = {
        "position": lambda: position_page(members["position"], folder),
        "capacity": lambda: capacity_page(members["capacity"], folder),
        "trade_off": lambda: trade_off_page(members["factor_vae"], members["beta_vae"], folder),
        "coloured": lambda: coloured_page(members["coloured"], size.num_coded, folder),
    }
    for name, page in pages.items():
        results[name] = page()
        write_results(results, folder)


if __name__ == "__main__":
    carry_out(run, sweep_parser(__doc__.splitlines()[0], SIZES).parse_args())
