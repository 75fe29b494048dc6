"""The lecture's page on autoregressive models: what a network sees of the pixels before.

    python experiments/lecture_autoregressive.py --workdir=runs/autoregressive

Nothing is trained. `--workdir` then holds
    blind_spot.png      what the centre of 17 x 17 pixels sees: of masked convolutions, of which
                        some pixels to the upper right stay hidden however deep they are; of Gated
                        PixelCNN in two streams; of PixelSNAIL
    results.json        how many pixels that is
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from experiments.autoregressive import blind_spot
from experiments.command import write_results
from experiments.style import check_can_draw
from vaejax.core.text_tables import markdown


def run(folder: Path) -> None:
    """Measure, draw and write everything."""
    check_can_draw()
    folder.mkdir(parents=True, exist_ok=True)
    rows = blind_spot.run(folder)
    write_results({"blind_spot": rows}, folder)
    print(markdown([list(rows[0]), *([str(cell) for cell in row.values()] for row in rows)]))


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line; None takes the process's."""
    flags = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    flags.add_argument("--workdir", type=Path, required=True, help="receives what is written")
    return flags.parse_args(arguments)


if __name__ == "__main__":
    run(parse().workdir)
