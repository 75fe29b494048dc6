"""CPU seconds from the start of the program until its first training step is under way.

    python experiments/benchmarks/startup.py --config=configs/quickstart.py

Runs the command line twice with a compilation cache of its own: cold, then warm. Prints for each
the CPU time (all threads) and the wall time.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time

# The command line itself, with the log told to report and stop at the first step.
PROGRAM = """
import os, time
from vaejax import main
from vaejax.runs import log as logging
def report(log, num_images):
    print("CPU", time.process_time(), flush=True)
    os._exit(0)
logging.RunLog.advance = report
main.main()
"""


def first_step(config: str, cache: str) -> tuple[float, float]:
    """CPU and wall seconds of one start."""
    with tempfile.TemporaryDirectory() as workdir:
        begin = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, f"--config={config}", f"--workdir={workdir}"],
            env={**os.environ, "JAX_COMPILATION_CACHE_DIR": cache},
            capture_output=True,
            text=True,
            check=False,
        )
    reports = [line for line in done.stdout.splitlines() if line.startswith("CPU ")]
    if not reports:
        sys.exit(done.stderr)
    return float(reports[0].split()[1]), time.perf_counter() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", default="configs/quickstart.py")
    parser.add_argument("--repeats", type=int, default=3, help="warm starts; the best is told")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as cache:
        cold = first_step(args.config, cache)
        warm = min(first_step(args.config, cache) for _ in range(args.repeats))
    for name, (cpu, wall) in {"cold": cold, "warm": warm}.items():
        print(f"{name}: {cpu:5.1f} CPU s, {wall:5.1f} s wall")


if __name__ == "__main__":
    main()
