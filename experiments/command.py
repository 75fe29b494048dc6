"""How an experiment runs as a command: its sizes, settings of the process, mistakes in one line."""

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from vaejax import main as program
from vaejax import sweep


def parse(
    about: str, *, published: Any, laptop: Any, smoke: Any, arguments: Sequence[str] | None = None
) -> argparse.Namespace:
    """The command line of an experiment that trains a sweep in one of three sizes.

    Args:
        about: what the experiment does, in a line.
        published, laptop, smoke: what `size` is by default, with `--laptop`, with `--smoke`.
        arguments: None takes the process's.

    Returns:
        `workdir`, `strategy` and `size`.
    """
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--workdir", type=Path, required=True, help="folder of runs and figures")
    parser.add_argument("--strategy", choices=sweep.STRATEGIES, help="default: the fastest here")
    parser.set_defaults(size=published)
    sizes = parser.add_mutually_exclusive_group()
    sizes.add_argument("--laptop", dest="size", action="store_const", const=laptop)
    sizes.add_argument("--smoke", dest="size", action="store_const", const=smoke)
    return parser.parse_args(arguments)


def carry_out(run: Callable[[argparse.Namespace], None], args: argparse.Namespace) -> None:
    """Call `run(args)`, whose `workdir` holds the results, and say what it cost."""
    wall, cpu = time.perf_counter(), time.process_time()
    with program.command():
        run(args)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"{args.workdir}: {wall:.0f} s, {cpu:.0f} CPU seconds in this process")
