"""How an experiment runs as a command: settings of the process, mistakes in one line."""

import argparse
import time
from collections.abc import Callable

from vaejax import main as program
from vaejax.checkpoint import DamagedCheckpoint
from vaejax.config import ConfigError
from vaejax.host_memory import keep_freed_memory


def carry_out(run: Callable[[argparse.Namespace], None], args: argparse.Namespace) -> None:
    """Call `run(args)`, whose `workdir` holds the results, and say what it cost."""
    keep_freed_memory()  # before XLA starts its threads
    program.keep_compiled_programs()
    wall, cpu = time.perf_counter(), time.process_time()
    try:
        run(args)
    except (ConfigError, DamagedCheckpoint) as error:
        program.fail(str(error))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"{args.workdir}: {wall:.0f} s, {cpu:.0f} CPU seconds in this process")
