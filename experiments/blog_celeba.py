"""The blog's experiment, four betas on faces, from one command.

    python experiments/blog_celeba.py --workdir=runs/blog --data_dir=FOLDER

Trains `configs/betavae_celeba.py` (six latents, CelebA 64 x 64) with beta = 0.1, 1, 2 and 10, each
an ordinary run of `vaejax.main`; a finished run is not trained again, a stopped one goes on.
`--workdir` then holds
    index.html         the four betas side by side: their numbers and both animations
    preprocessed.png   random training images, cropped and scaled, the standardising undone
    results.json       the numbers
    runs/beta=B/seed=0/figures/reconstructions.gif   held-out faces and what becomes of them, 15
                                                     times over training
    runs/beta=B/seed=0/figures/traversals.gif        each latent (row) from -1 to 1 and back, in six
                                                     draws of the prior (columns)
8,000 steps of 64 images for each beta are three epochs of all of CelebA. They were not run: 600 for
each, on a subset, took 12 CPU minutes; at that rate 8,000 take 160. `--num_steps` shortens them,
`--smoke` tries the whole path in a minute, in `runs_smoke/`.

What the blog leaves open, and what is done here:
    1  "Mean squared error" as a mean or a sum over pixels decides what beta = 10 means. Half the
       sum: the likelihood is then the Gaussian of unit variance that the blog argues from. A mean
       would weigh the KL 12,288 times as much, and no beta would learn anything.
    2  Crop, optimiser, batch and length: 148 x 148, Adam 5e-4, 64 images, `--num_steps`. Pixels
       and channels are standardised one by one over the training images; the output is linear.
    3  Rows are the latents by KL, highest first: which latent comes second is chance. Columns are
       the same draws for every beta.
    4  Pictures and numbers are of the averaged weights and of held-out images.
"""

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from string import Template
from typing import Any

import ml_collections

sys.path.insert(0, str(Path(__file__).parent.parent))

from configs import betavae_celeba
from experiments.command import carry_out, parser, runs_of, write_results
from experiments.trained import BETA
from vaejax import sweep
from vaejax.core.files import write_whole
from vaejax.pictures import figures
from vaejax.pictures.run_pictures import examples
from vaejax.runs.looks import FIGURES, RECONSTRUCTIONS_GIF, TRAVERSALS_GIF
from vaejax.runs.loop import train
from vaejax.runs.setup import build

BETAS = {"published": (0.1, 1.0, 2.0, 10.0), "smoke": (0.1, 10.0)}
EVALUATION = "validation/bound"
FRAMES = 15  # of the animation of reconstructions

PAGE = Template("""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Beta-VAE on faces</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; color: #333; margin: 2em; }
p { max-width: 60em; }
.betas { display: grid; grid-template-columns: repeat($columns, 1fr); gap: 1.5em; }
img { width: 100%; }
.sheet { width: 40em; max-width: 100%; }
</style>
<h1>Beta-VAE on faces: six latents</h1>
<p>After $num_steps steps. Squared error per standardised value and KL (nats per image) are of
held-out faces. Reconstructions: a frame every $every steps, inputs above outputs. Traversals: each
row moves one latent from -1 to 1 and back, rows in order of KL, columns are draws of the prior.</p>
<div class="betas">
$sections
</div>
<h2>Training images</h2>
<img class="sheet" src="preprocessed.png" alt="random preprocessed training images">
</html>
""")

SECTION = Template("""<section>
<h2>&beta; = $beta</h2>
<p>squared error $squared_error, KL $kl</p>
<img src="$folder/$traversals" alt="traversals, beta = $beta">
<img src="$folder/$reconstructions" alt="reconstructions, beta = $beta">
</section>""")


def faces_config(args: argparse.Namespace) -> ml_collections.ConfigDict:
    """The configuration of all runs but for beta."""
    config = betavae_celeba.get_config("smoke" if args.size == "smoke" else "")
    if args.data_dir:
        config.data.data_dir = str(args.data_dir)
    if args.num_steps:
        config.train.num_steps = args.num_steps
    config.train.eval_every = -(-config.train.num_steps // FRAMES)  # and after the last step
    return config


def result(member: sweep.Member, num_dims: int) -> dict[str, Any]:
    """The numbers of a finished run; nats per image, the squared error per dimension.

    Args:
        member: the run.
        num_dims: H * W * C of an image.
    """
    last = member.last_metrics()[EVALUATION]
    return {
        "beta": member.point[BETA],
        "step": last["step"],
        "elbo": last["elbo"],
        # log p(x|z) = -1/2 |x - mean|^2 - N/2 log 2 pi
        "squared_error_per_dim": -2 * last["log_px"] / num_dims - math.log(2 * math.pi),
        "kl": last["kl"],
        "kl_dims": sorted(last["kl_dims/0"], reverse=True),
    }


def page(members: Sequence[sweep.Member], results: Sequence[dict[str, Any]], folder: Path) -> str:
    """The page, in HTML; its pictures lie in or below `folder`."""
    sections = [
        SECTION.substitute(
            beta=f"{numbers['beta']:g}",
            squared_error=f"{numbers['squared_error_per_dim']:.3f}",
            kl=f"{numbers['kl']:.1f}",
            folder=(member.workdir / FIGURES).relative_to(folder).as_posix(),
            traversals=TRAVERSALS_GIF,
            reconstructions=RECONSTRUCTIONS_GIF,
        )
        for member, numbers in zip(members, results, strict=True)
    ]
    settings = members[0].config.train
    return PAGE.substitute(
        columns=len(sections),
        num_steps=f"{settings.num_steps:,}",
        every=f"{settings.eval_every:,}",
        sections="\n".join(sections),
    )


def run(args: argparse.Namespace) -> None:
    """Train what is not trained yet, then write the page and its numbers."""
    folder, config = args.workdir, faces_config(args)
    points = sweep.grid({BETA: BETAS[args.size]})
    members = sweep.make_members(config, points, seeds=[0], workdir=runs_of(args))
    source = build(config).source
    figures.save_png(folder / "preprocessed.png", examples(source))
    for member in members:
        train(member.config, member.workdir)
        if not member.finished:  # it was asked to stop, and said so
            return
    results = [result(member, math.prod(source.image_shape)) for member in members]
    write_results(results, folder)
    write_whole(folder / "index.html", page(members, results, folder))


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line; None takes the process's."""
    flags = parser(__doc__.splitlines()[0], BETAS)
    flags.add_argument("--data_dir", type=Path, help="prepared tfds; default: the configuration's")
    flags.add_argument("--num_steps", type=int, help="of every run; default: the configuration's")
    return flags.parse_args(arguments)


if __name__ == "__main__":
    carry_out(run, parse())
