"""How an experiment runs as a command: its sizes and folders, mistakes in one line, results."""

import argparse
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from vaejax import main as program
from vaejax import sweep
from vaejax.core.files import write_whole
from vaejax.runs.config import ConfigError

PUBLISHED = "published"  # the size without a flag
RESULTS = "results.json"
MNIST = Path("~/datasets/mnist")  # where MNIST is looked for if no flag says it


def parser(about: str, sizes: Iterable[str]) -> argparse.ArgumentParser:
    """The command line of an experiment, to which it may add flags of its own.

    Args:
        about: what the experiment does, in a line.
        sizes: their names; each but `published` is a flag.

    Returns:
        A parser of `workdir` and `size`, a name.
    """
    flags = argparse.ArgumentParser(description=about)
    flags.add_argument("--workdir", type=_folder, required=True, help="of runs and results")
    flags.set_defaults(size=PUBLISHED)
    group = flags.add_mutually_exclusive_group()
    for size in sizes:
        if size != PUBLISHED:
            group.add_argument(f"--{size}", dest="size", action="store_const", const=size)
    return flags


def _folder(text: str) -> Path:
    try:
        return program.workdir_of(text)
    except ConfigError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def sweep_parser(about: str, sizes: Iterable[str]) -> argparse.ArgumentParser:
    """As `parser`, of an experiment that trains a sweep: with a `strategy`."""
    flags = parser(about, sizes)
    flags.add_argument("--strategy", choices=sweep.STRATEGIES, help="default: the fastest here")
    return flags


def runs_of(args: argparse.Namespace) -> Path:
    """The folder of the runs of this size: `runs`, `runs_smoke`, ...

    Runs of another size are others. In one folder a run of the published size would go on from the
    small one's last step, and its log would hold the evaluations of both.
    """
    return args.workdir / ("runs" if args.size == PUBLISHED else f"runs_{args.size}")


def carry_out(run: Callable[[argparse.Namespace], None], args: argparse.Namespace) -> None:
    """Call `run(args)`, whose `workdir` holds the results, and say what it cost."""
    wall, cpu = time.perf_counter(), time.process_time()
    with program.command():
        run(args)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"{args.workdir}: {wall:.0f} s, {cpu:.0f} CPU seconds in this process")


def write_results(results: Mapping[str, Any] | Sequence[Any], folder: Path) -> None:
    """Write `results.json`; a number that is not finite is null, as in `metrics.jsonl`."""
    finite = json.loads(json.dumps(results), parse_constant=lambda _: None)
    write_whole(folder / RESULTS, json.dumps(finite, indent=1) + "\n")


def diverged(members: Iterable[sweep.Member], folder: Path) -> list[str]:
    """The folders, within `folder`, of members that have no numbers because they diverged."""
    return [m.workdir.relative_to(folder).as_posix() for m in members if m.diverged]
