"""Wall time of a sweep of the Frey network, by every strategy and as separate commands.

    python experiments/benchmarks/sweep.py --data=FILE

10 betas x 3 seeds of `configs/betavae_frey.py`, cut to `--num_steps` steps, each way in programs of
its own with an empty compilation cache, from their start to their end:
    commands      a command for every run, one after another, that share compiled programs;
    sequential    one run after another in one process;
    map, vmap, processes   the engine's other strategies.
None draws pictures. Prints the seconds of each, and the ratio of the engine's own choice to the
first two. By default what this needs is timed, `--only` names others.

    python experiments/benchmarks/sweep.py --data=FILE --models=1,10,30,100

measures instead the compiled steps alone: milliseconds per step of that many models at once.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

from configs import betavae_frey
from vaejax import data, sweep
from vaejax.core.compiled import keep_compiled_programs
from vaejax.core.platform import is_native
from vaejax.core.randomness import stream
from vaejax.runs.host_memory import keep_freed_memory
from vaejax.runs.setup import train_step
from vaejax.sweep.engine import best_strategy
from vaejax.sweep.packing import unfinished_groups
from vaejax.sweep.program import Program
from vaejax.training.many_models import make_sweep_step

BETAS = [10.0**exponent for exponent in range(-6, 4)]
WAYS = ("commands", *sweep.STRATEGIES)
SWEEP = str(Path(__file__).parent.parent / "sweep.py")
STEPS_PER_CALL = 20  # where steps are timed alone


def names(text: str) -> list[str]:
    """A command-line type: ways with commas between them."""
    if unknown := set(text.split(",")) - set(WAYS):
        raise argparse.ArgumentTypeError(f"expected some of {WAYS}, got {unknown}")
    return text.split(",")


def counts(text: str) -> list[int]:
    """A command-line type: numbers with commas between them."""
    return [int(part) for part in text.split(",")]


def configuration(args: argparse.Namespace) -> ConfigDict:
    """The Frey configuration of the given length, evaluated and saved once, at the end."""
    config = betavae_frey.get_config()
    config.data.path = args.data
    config.train.num_steps = config.train.eval_every = args.num_steps
    return config


def make_members(args: argparse.Namespace, workdir: Path) -> list[sweep.Member]:
    points = sweep.grid({"objective.beta": BETAS[: args.num_betas]})
    seeds = range(args.num_seeds)
    return sweep.make_members(configuration(args), points, seeds=seeds, workdir=workdir)


def go(way: str, members: list[sweep.Member]) -> None:
    """Train the members in one of the ways."""
    if way == "commands":
        for member in members:
            train_settings = member.config.train
            command = [
                *(sys.executable, SWEEP, "--strategy=sequential", f"--workdir={member.workdir}"),
                f"--config={betavae_frey.__file__}",
                f"--config.data.path={member.config.data.path}",
                f"--config.objective.beta={member.config.objective.beta}",
                f"--config.train.seed={member.seed}",
                f"--config.train.num_steps={train_settings.num_steps}",
                f"--config.train.eval_every={train_settings.eval_every}",
            ]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return
    keep_freed_memory()
    keep_compiled_programs()
    assert sweep.train_members(members, strategy=way)


def seconds_of(way: str, args: argparse.Namespace) -> float:
    """Wall seconds of one way, in a process of its own with an empty compilation cache."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "JAX_COMPILATION_CACHE_DIR": f"{folder}/compiled",
            "PYTHONPATH": str(Path(__file__).parent.parent.parent),
        }
        sizes = [
            f"--{name}={getattr(args, name)}" for name in ("num_steps", "num_betas", "num_seeds")
        ]
        command = [sys.executable, __file__, *sizes, f"--data={args.data}", f"--way={way}"]
        begin = time.perf_counter()
        command.append(f"--workdir={folder}/runs")
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
        return time.perf_counter() - begin


def compare(args: argparse.Namespace) -> None:
    """Time the ways and print what the engine's choice takes of each."""
    print(
        f"{args.num_betas} betas x {args.num_seeds} seeds, {args.num_steps} steps each; "
        f"{len(os.sched_getaffinity(0))} cores, {jax.devices()[0].device_kind}"
    )
    chosen = best_strategy(unfinished_groups(make_members(args, Path("unused"))))
    times = {}
    for way in args.only or ("commands", "sequential", chosen):
        times[way] = seconds_of(way, args)
        print(f"  {way:12}{times[way]:8.1f} s", flush=True)
    for way in ("commands", "sequential"):
        if way in times and chosen in times:
            print(f"  {chosen} / {way:12}{times[chosen] / times[way]:6.2f}")


def step_times(args: argparse.Namespace) -> None:
    """Milliseconds per step of several models at once, by the strategies of one program."""
    config = configuration(args)
    if args.preset:
        config.model.preset = args.preset
    program = Program(config, ["objective.beta"])
    run = program.run
    step = train_step(program.objective, program.optimizer, run.settings)
    records = jax.device_put(data.all_records(run.source))
    (member,) = sweep.make_members(config, [{}], seeds=[0], workdir=args.workdir or "unused")
    state = jax.device_get(program.initial_state(member))
    indices = data.indices_of_steps(0, 0, STEPS_PER_CALL, len(run.source), config.train.batch_size)
    print(f"{config.model.preset}, batch {config.train.batch_size}, {jax.devices()[0].device_kind}")
    for how in ("vmap", "map") if is_native() else ("map",):  # on CPU there is no difference
        sweep_step = jax.jit(
            make_sweep_step(step, partial(data.gather_batch, run.source), how=how),
            donate_argnums=0,
        )
        single = None
        for count in args.models:
            states = jax.device_put(
                jax.tree.map(lambda *copies: np.stack(copies), *[state] * count)
            )
            keys = jax.vmap(partial(stream, name="train"))(jnp.arange(count, dtype=jnp.uint32))
            inputs = {"train": keys, "data": keys}, np.stack([indices] * count), records
            times = []
            for _ in range(args.rounds + 1):
                begin = time.perf_counter()
                states, metrics = sweep_step(states, *inputs, np.int32(STEPS_PER_CALL))
                jax.block_until_ready(metrics)
                times.append(time.perf_counter() - begin)
            milliseconds = 1e3 * statistics.median(times[1:]) / STEPS_PER_CALL
            single = single or milliseconds / count
            print(
                f"  {how:5}{count:4} models: {milliseconds:9.2f} ms per step, "
                f"{milliseconds / count:7.2f} per model, {milliseconds / single:6.1f} x one; "
                f"first call {times[0]:.1f} s",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="the file of Frey faces")
    parser.add_argument("--num_steps", type=int, default=500, help="of every run")
    parser.add_argument("--num_betas", type=int, default=len(BETAS))
    parser.add_argument("--num_seeds", type=int, default=3)
    parser.add_argument("--only", type=names, default=(), help=f"some of {', '.join(WAYS)}")
    parser.add_argument("--models", type=counts, default=(), help="time steps of so many instead")
    parser.add_argument("--preset", help="another network, for --models")
    parser.add_argument("--rounds", type=int, default=5, help="timed calls, for --models")
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--workdir", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.way:
        go(args.way, make_members(args, args.workdir))
    elif args.models:
        keep_freed_memory()
        step_times(args)
    else:
        compare(args)


if __name__ == "__main__":
    main()
