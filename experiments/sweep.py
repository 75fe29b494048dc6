"""Sweep any configuration over a grid of values and seeds: one command, one table, two plots.

    python experiments/sweep.py --config=configs/betavae_frey.py --workdir=runs/frey \
        --sweep=objective.beta=1e-4,1e-3,1e-2 --sweep=model.latent_size=2,3,5 --seeds=3

Any key can be swept that `--config.KEY=VALUE` can set; a value with commas stands in brackets,
`--sweep="model.widths=(32,64),(16,32)"`.

Members that differ only in numbers of the objective or optimiser and in the seed are trained by one
program, the rest in turn; `--strategy` says how (`vaejax/sweep/engine.py`), with a default for
the platform. The same command goes on with a sweep that was stopped; runs that are there are read.
The table that is printed has a line per point and a column per score, the best marked. `--workdir`
receives
    table.md, table.csv          the same table;
    results.csv, results.jsonl   a row per point and metric: mean, standard deviation and 95 %
                                 interval over seeds;
    tradeoff.png, metrics.png    reconstruction against KL, where models know both; metrics against
                                 the first swept number (`pip install -e '.[plots]'`);
    beta=0.001,latent_size=2/seed=0/   an ordinary run for every point and seed, which
                                 `vaejax.main` evaluates, samples or trains on:

    python -m vaejax.main --config=configs/betavae_frey.py --mode=sample \
        --config.objective.beta=0.001 --config.model.latent_size=2 --config.train.seed=0 \
        --workdir=runs/frey/beta=0.001,latent_size=2/seed=0
"""

import importlib.util
import shutil
import sys
from pathlib import Path

from absl import flags
from ml_collections import ConfigDict

sys.path.insert(0, str(Path(__file__).parent.parent))

from vaejax import main as program
from vaejax import sweep
from vaejax.runs.config import ConfigError

SWEEP = flags.DEFINE_multi_string("sweep", [], "KEY=VALUE,VALUE,...; may be given several times.")
SEEDS = flags.DEFINE_integer("seeds", 1, "How many, from config.train.seed on.", lower_bound=1)
STRATEGY = flags.DEFINE_enum("strategy", None, sweep.STRATEGIES, "Default: the platform's.")
USAGE = "usage: python experiments/sweep.py --config=FILE --workdir=DIR --sweep=KEY=VALUE,VALUE"


def plot(rows: list[sweep.Row], workdir: Path) -> None:
    """Both plots, where there are numbers along which to plot."""
    if sweep.swept_number(rows) is None or not any(row.values for row in rows):
        return
    if not importlib.util.find_spec("matplotlib"):
        print("no plots: they need matplotlib (pip install 'vaejax[plots]')")
        return
    if sweep.has_tradeoff(rows):
        sweep.plot_tradeoff(rows, workdir / "tradeoff.png")
    sweep.plot_metrics(rows, workdir / "metrics.png")


def run(config: ConfigDict, workdir: Path) -> None:
    """Make the members, train what is not trained yet, and sum up."""
    grid = dict(sweep.values_of(config, text) for text in SWEEP.value)
    if len(grid) < len(SWEEP.value):
        raise ConfigError("--sweep: expected every key once, its values with commas between them")
    seeds = range(config.train.seed, config.train.seed + SEEDS.value)
    members = sweep.make_members(config, sweep.grid(grid), seeds=seeds, workdir=workdir)
    finished = sweep.train_members(members, strategy=STRATEGY.value)
    rows = sweep.table(members)
    sweep.write_table(rows, workdir)
    lines = sweep.overview(rows, config.train.best_metric)
    sweep.write_overview(lines, workdir)
    if any(row.values for row in rows):
        print(f"\n{sweep.as_text(lines, shutil.get_terminal_size((120, 24)).columns)}")
        print(f"\nalso in {workdir}/table.md and table.csv; every metric is in results.csv")
    else:
        print("no member is finished, so there is no table yet")
    plot(rows, workdir)
    if not finished:
        print("stopped; the same command goes on from there")


def main() -> None:
    config = program.parse(sys.argv, USAGE)
    assert config is not None  # no mode is without
    with program.command():
        run(config, program.workdir_of(program.WORKDIR.value))


if __name__ == "__main__":
    main()
