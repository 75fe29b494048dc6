"""The lecture's pages on autoregressive models: exact likelihoods, and what they leave to a code.

    python experiments/lecture_autoregressive.py --workdir=runs/autoregressive --laptop

Trains what is not trained yet, page after page; a stopped run goes on, and `--finished` trains
nothing and shows what is done. `--mnist` is the folder of the data. `--pages` chooses among
    blind_spot      what the centre of 17 x 17 pixels sees: of masked convolutions, of which some
                    pixels to the upper right stay hidden however deep they are; of Gated PixelCNN
                    in two streams; of PixelCNN++; of PixelSNAIL. Nothing is trained.
    window          VAEs whose decoder sees a window of 1, 3 or 5 pixels, or as far as it reaches
    pixelvae        PixelVAEs with a small and with a large decoder
    vlae            VLAE's three questions
    nll             networks over pixels alone
`--workdir` then holds `runs/` (with `--laptop` `runs_laptop/`), `results.json`, which names the
runs that diverged, and
    blind_spot.png, rate_distortion.png
    tables.md            every page's table, the three questions, and the lecture's two tables with
                         our rows beside them
    samples.png          a row for every model that draws pixel by pixel
    classes.png          a row for every digit that is asked for
    completions.png      a sample, and its upper half completed again and again
    codes_window_*.png   a row for every code, drawn again and again: windows of 3, and full
The published size is for accelerators. `--laptop` is meant to take 75 CPU minutes, estimated from
single runs, and `nll` another 90, of which most are `configs/gated_pixelcnn_mnist.py:laptop`: a
finished run of that configuration can be put where its own would be,
`runs_laptop/nll/gated_pixelcnn/seed=0`. `--smoke` tries the whole path in minutes.

What the lecture and the papers leave open, and what is done here:
    1  The papers' MNIST is binarised once; here training images are binarised at every use. So our
       numbers stand beside theirs, and are not to be compared digit by digit.
    2  NLL is minus the bound with one draw of the code, exact where there is no code. The papers'
       is importance-weighted, and so lower where there is a code.
    3  "Full" is what the layers reach (13 x 13 at laptop size), not the whole image: what is
       compared are networks of one width and depth.
    4  The decoders are given an upsampled map of the code, which is the better of PixelVAE's two
       ways. Its warm-up is half of training at laptop size, the paper's 10,000 steps otherwise.
    5  AF prior and IAF posterior have the same flow; that of the posterior also looks at the
       encoder's features. Independent pixels train for more steps than those with a network over
       pixels, in less time.
    6  Whether a code keeps what is global is asked of one draw of it, by a linear classifier of
       digits.
"""

import argparse
import itertools
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from experiments.autoregressive import blind_spot, figures, pictures, readings
from experiments.autoregressive.runs import SIZES, WINDOWS, Cell, members_of
from experiments.autoregressive.tables import TITLES, as_markdown
from experiments.command import MNIST, carry_out, diverged, runs_of, sweep_parser, write_results
from experiments.style import check_can_draw, draw
from vaejax import sweep
from vaejax.core.files import write_whole
from vaejax.core.text_tables import markdown

BLIND_SPOT = "blind_spot"
PAGES = (BLIND_SPOT, *TITLES)


def run(args: argparse.Namespace) -> None:
    """Train what is not trained yet, then draw and write what there is of every page."""
    check_can_draw()
    folder, size = args.workdir, SIZES[args.size]
    folder.mkdir(parents=True, exist_ok=True)
    results: dict[str, Any] = {}
    if BLIND_SPOT in args.pages:
        fields = results[BLIND_SPOT] = blind_spot.run(folder)
        write_results(results, folder)
        print(markdown([list(fields[0]), *(list(map(str, row.values())) for row in fields)]))
    members = members_of(size, args.mnist, runs_of(args))
    members = {cell: runs for cell, runs in members.items() if cell.page in args.pages}
    if not members:
        return
    everyone = list(itertools.chain(*members.values()))
    if not args.finished and not sweep.train_members(everyone, strategy=args.strategy):
        print("stopped; the same command goes on from there")
        return
    rows = readings.rows_of(members, size.num_coded)
    results |= {"rows": readings.as_json(rows), "diverged": diverged(everyone, folder)}
    write_results(results, folder)
    text = as_markdown(rows)
    write_whole(folder / "tables.md", text)
    print(text, end="")
    windows = {title: rows.get(Cell("window", title)) for title in WINDOWS}
    if all(windows.values()):
        draw(folder / "rate_distortion.png", figures.rate_distortion, windows)
    pictures.draw_all(members, folder, size.columns)


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line; None takes the process's."""
    flags = sweep_parser(__doc__.splitlines()[0], SIZES)
    flags.add_argument("--mnist", type=Path, default=MNIST, help="folder of the four files")
    flags.add_argument("--pages", nargs="+", choices=PAGES, default=PAGES, help="default: all")
    flags.add_argument("--finished", action="store_true", help="train nothing, show what is done")
    return flags.parse_args(arguments)


if __name__ == "__main__":
    carry_out(run, parse())
