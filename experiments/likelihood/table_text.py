"""The lecture's table as text, as `docs/results.md` has it."""

from collections.abc import Mapping, Sequence
from typing import Any

from experiments.likelihood.inactive import SAMPLES
from experiments.seeds import interval_text
from vaejax.core.text_tables import markdown

ROWS = (
    "data", "layers", "objective", "k", "NLL, nats", "active units", "NLL without the others",
    "seeds", "test images",
)  # fmt: skip
GAPS = ("data", "layers", "better", "than", "by nats")
LEGEND = f"""\
In brackets the paper's, in square ones 95 % intervals over seeds. NLL without the others: by how
many nats it rises, for every seed, when the inactive units are removed ({SAMPLES} samples of the
same noise); - where all units are active.
"""


def as_markdown(rows: Sequence[Mapping[str, Any]], gaps: Sequence[Mapping[str, Any]]) -> str:
    """A line for every cell and, below, for every gap; see `table.rows_of` and `table.gaps_of`."""
    tables = markdown([ROWS, *map(_row, rows)]), markdown([GAPS, *map(_gap, gaps)])
    return f"\n\n{LEGEND}\n".join(tables) + "\n"


def _row(row: Mapping[str, Any]) -> list[str]:
    nll, units = row["published"]
    changes = ("-" if nats is None else f"{nats:+.3f}" for nats in row["without_inactive"])
    return [
        row["data"] if row["comparable"] else f"{row['data']} (another split)",
        str(row["layers"]),
        row["objective"],
        str(row["k"]),
        f"{row['mean']:.2f}{interval_text(*row['interval'])} ({nll:.2f})",
        f"{', '.join(row['active_units'])} ({units})",
        ", ".join(changes),
        str(len(row["seeds"])),
        str(row["num_images"]),
    ]


def _gap(gap: Mapping[str, Any]) -> list[str]:
    better, worse = gap["of"], gap["than"]
    return [
        better.data,
        str(better.layers),
        f"{better.objective}, k = {better.k}",
        f"{worse.objective}, k = {worse.k}",
        f"{gap['nats']:.2f}{interval_text(*gap['interval'])}",
    ]
