"""Sweeps: one run for every point of a grid and every seed, trained in as few programs as possible.

    from vaejax import sweep
    points = sweep.grid({"objective.beta": [1.0, 4.0], "model.latent_size": [2, 5]})
    members = sweep.make_members(config, points, seeds=range(3), workdir="runs/sweep")
    sweep.train_members(members)  # by the default strategy of the platform
    rows = sweep.table(members)  # mean, standard deviation and interval over seeds
    print(sweep.as_text(sweep.overview(rows)))  # a line per point, a column per score

Each member's folder is that of an ordinary run of `vaejax.main`.
"""

from vaejax.sweep.engine import STRATEGIES as STRATEGIES
from vaejax.sweep.engine import Strategy as Strategy
from vaejax.sweep.engine import train_members as train_members
from vaejax.sweep.members import Member as Member
from vaejax.sweep.members import grid as grid
from vaejax.sweep.members import make_members as make_members
from vaejax.sweep.members import values_of as values_of
from vaejax.sweep.overview import Line as Line
from vaejax.sweep.overview import as_markdown as as_markdown
from vaejax.sweep.overview import as_text as as_text
from vaejax.sweep.overview import overview as overview
from vaejax.sweep.overview import write_overview as write_overview
from vaejax.sweep.plots import has_tradeoff as has_tradeoff
from vaejax.sweep.plots import plot_metrics as plot_metrics
from vaejax.sweep.plots import plot_tradeoff as plot_tradeoff
from vaejax.sweep.plots import swept_number as swept_number
from vaejax.sweep.table import Row as Row
from vaejax.sweep.table import table as table
from vaejax.sweep.table import write_table as write_table
