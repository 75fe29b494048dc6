"""The pages' tables as Markdown, as `docs/results.md` has them."""

from collections.abc import Mapping
from typing import NamedTuple

from experiments.autoregressive.published import BESIDE, CIFAR10, CONFIGURATIONS, MNIST
from experiments.autoregressive.readings import ACCURACY, DISTORTION, NLL, RATE, Readings
from experiments.autoregressive.runs import (
    AF,
    CLASSES,
    IAF,
    LARGE,
    SMALL,
    VAE,
    VLAE,
    WARMED_UP,
    Cell,
)
from experiments.seeds import interval_text, paired_gap
from vaejax.core.text_tables import markdown
from vaejax.metrics import mean_interval

Rows = Mapping[Cell, Readings]

LEGEND = """\
MNIST, binarised again at every use; nats per test image, with one draw of the code. In square
brackets 95 % intervals over seeds. Label: how often a linear classifier names the digit from one
draw of the code.
"""
HEADERS = {NLL: "NLL, at most", RATE: "KL", DISTORTION: "-log p(x|z)", ACCURACY: "label"}
TITLES = {
    "window": "Rate and distortion against the decoder's window",
    "pixelvae": "PixelVAE",
    "vlae": "VLAE",
    "nll": "Networks over pixels alone",
}


class Gap(NamedTuple):
    """By how much a reading of one row of a page is above that of another."""

    page: str
    of: str
    than: str
    name: str


GAPS = (
    Gap("window", "1", "full", RATE),
    Gap("pixelvae", SMALL, LARGE, RATE),
    Gap("pixelvae", WARMED_UP, LARGE, RATE),
    Gap("pixelvae", WARMED_UP, LARGE, NLL),
    Gap("vlae", VAE, IAF, NLL),
    Gap("vlae", VAE, AF, NLL),
)
# The lecture's questions, each with what answers it.
QUESTIONS = {
    "Does the code keep what is global?": (
        Gap("window", "3", "full", RATE),
        Gap("window", "3", "full", ACCURACY),
        Gap("window", "1", "3", ACCURACY),
    ),
    "Is an AF prior better than an IAF posterior?": (Gap("vlae", IAF, AF, NLL),),
    "Is an autoregressive decoder better than a factorised one?": (
        Gap("vlae", AF, VLAE, NLL),
        Gap("window", "1", "3", NLL),
    ),
}


def as_markdown(rows: Rows) -> str:
    """All pages with a finished run, the questions and the lecture's tables.

    Args:
        rows: see `readings.rows_of`.
    """
    parts = [LEGEND]
    for page, title in TITLES.items():
        some = {cell: readings for cell, readings in rows.items() if cell.page == page}
        if some:
            parts += [f"### {title}\n", _table(some)]
            parts += [f"- {_said(rows, g)}\n" for g in GAPS if g.page == page and _has(rows, g)]
    parts += ["### VLAE's three questions\n", _questions(rows)]
    parts += ["### The lecture's table of MNIST\n", _mnist(rows)]
    parts += ["### The lecture's table of CIFAR-10\n", _cifar10()]
    return "\n".join(parts)


def _table(rows: Rows) -> str:
    names = [name for name in HEADERS if any(name in readings for readings in rows.values())]
    lines = [["model", *(HEADERS[name] for name in names), "seeds"]]
    for cell, readings in rows.items():
        values = [_mean(readings[name], _digits(name)) for name in names]
        lines.append([_named(*cell), *values, str(len(readings[NLL]))])
    return markdown(lines) + "\n"


def _questions(rows: Rows) -> str:
    lines = [["question", "difference", "seeds that agree in sign"]]
    for question, gaps in QUESTIONS.items():
        for gap in gaps:
            if _has(rows, gap):
                lines.append([question, _said(rows, gap), _agreeing(rows, gap)])
    return markdown(lines) + "\n"


def _mnist(rows: Rows) -> str:
    """The published rows with ours beside them; below, those of ours that have none."""
    lines = [["model", "published", "ours", "seeds"]]
    for model, nll in MNIST.items():
        lines.append([model, f"{nll:.2f}", *_ours(rows, BESIDE.get(model))])
    for cell in rows:
        if cell.page in ("nll", "vlae") and cell not in BESIDE.values():
            given = ", log p(x | label)" if cell.row == CLASSES else ""
            lines.append([f"{cell.row}{given}", "", *_ours(rows, cell)])
    return markdown(lines) + "\n"


def _ours(rows: Rows, cell: Cell | None) -> list[str]:
    """The mean NLL, and of how many seeds."""
    if cell is None or cell not in rows:
        return ["", ""]
    nll = rows[cell][NLL]
    return [_mean(nll, _digits(NLL)), str(len(nll))]


def _cifar10() -> str:
    lines = [["model", "published, bits/dim", "ours"]]
    for model, bits in CIFAR10.items():
        config = CONFIGURATIONS.get(model)
        ours = f"not trained: configs/{config}.py" if config else ""
        lines.append([model, f"{bits:.2f}", ours])
    return markdown(lines) + "\n"


def _has(rows: Rows, gap: Gap) -> bool:
    """Whether some seed has both rows."""
    of, than = (rows.get(Cell(gap.page, row), {}).get(gap.name, {}) for row in (gap.of, gap.than))
    return bool(of.keys() & than.keys())


def _pair(rows: Rows, gap: Gap) -> tuple[Mapping[int, float], Mapping[int, float]]:
    return rows[Cell(gap.page, gap.of)][gap.name], rows[Cell(gap.page, gap.than)][gap.name]


def _said(rows: Rows, gap: Gap) -> str:
    """`KL of window 1 above that of window full: +13.70 [13.20, 14.20]`."""
    found, digits = paired_gap(*_pair(rows, gap)), _digits(gap.name)
    assert found is not None  # of a gap that there is
    number = f"{found.value:+.{digits}f}{interval_text(found.low, found.high, digits)}"
    of, than = _named(gap.page, gap.of), _named(gap.page, gap.than)
    return f"{HEADERS[gap.name]} of {of} above that of {than}: {number}"


def _agreeing(rows: Rows, gap: Gap) -> str:
    """How many pairs of seeds have the sign of the mean difference: `3 of 3`."""
    of, than = _pair(rows, gap)
    differences = [of[seed] - than[seed] for seed in of.keys() & than.keys()]
    sign = 1 if sum(differences) > 0 else -1
    return f"{sum(sign * difference > 0 for difference in differences)} of {len(differences)}"


def _named(page: str, row: str) -> str:
    return f"window {row}" if page == "window" else row


def _mean(values: Mapping[int, float], digits: int) -> str:
    estimate = mean_interval(list(values.values()))
    return f"{estimate.value:.{digits}f}{interval_text(estimate.low, estimate.high, digits)}"


def _digits(name: str) -> int:
    return 3 if name == ACCURACY else 2
