"""The figures of the lecture on likelihoods: rows in, matplotlib figures out."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from experiments.style import COLOURS, INK, PALE, panels_of
from vaejax.distributions import wyner_information

REACH = 2.0  # standard deviations of the prior along which means are drawn
PARTS = {
    "I(n; z)": "mutual_information",
    "total correlation": "total_correlation",
    "dimension-wise KL": "dimension_wise_kl",
}
READINGS = {"log p(x), at least": "log_likelihood", "ELBO": "elbo"}


class Case(NamedTuple):
    """What there is to see of a model of two numbers.

    Attributes:
        kl: nats.
        points: of the data, [N, 2].
        draws: of the model, [N, 2].
        means: E[x | z] along the latent, [N, 2].
    """

    kl: float
    points: np.ndarray
    draws: np.ndarray
    means: np.ndarray


def surgery(rows: Sequence[Mapping[str, Any]]) -> Any:
    """The parts of the KL against beta, stacked; the bound below the evidence. Means of seeds."""
    betas = sorted({row["beta"] for row in rows})

    def mean(name: str) -> np.ndarray:
        return np.array([np.mean([r[name] for r in rows if r["beta"] == beta]) for beta in betas])

    page, (left, right) = panels_of(2, height=2.6)
    places, bottom = np.arange(len(betas)), np.zeros(len(betas))
    for colour, (label, name) in zip(COLOURS, PARTS.items(), strict=False):
        left.bar(places, mean(name), bottom=bottom, width=0.7, color=colour, label=label)
        bottom += mean(name)
    left.plot(places, mean("kl"), "D", color=INK, markersize=3, label="mean KL, closed form")
    left.axhline(rows[0]["log_n"], color=PALE, linestyle=":", linewidth=1, label="log N")
    left.set(ylabel="nats per image", title="where the KL goes")
    evidence, bound = (mean(name) for name in READINGS.values())
    right.fill_between(places, bound, evidence, color=PALE, alpha=0.4, linewidth=0)
    for colour, (label, name) in zip(COLOURS, READINGS.items(), strict=False):
        right.plot(places, mean(name), "o-", color=colour, label=label)
    right.set(title="evidence, bound, and the posterior gap between")
    for panel in (left, right):
        panel.set_xticks(places, [f"{beta:g}" for beta in betas])
        panel.set_xlabel("β")
    handles = [panel.get_legend_handles_labels() for panel in (left, right)]
    merged = [[*first, *second] for first, second in zip(*handles, strict=True)]
    page.legend(*merged, loc="outside lower center", ncols=4, fontsize=7)  # bars fill their panel
    return page


def collapse(cases: Mapping[str, Case], rows: Sequence[Mapping[str, Any]]) -> Any:
    """The lecture's cases side by side, and the KL of all models against the prediction.

    Args:
        cases: by title.
        rows: of all models, with `decoder`, `correlation` and `kl`.
    """
    page, panels = panels_of(len(cases) + 1, height=2.1)
    for panel, (title, case) in zip(panels, cases.items(), strict=False):
        panel.scatter(*case.points.T, s=3, linewidths=0, color=PALE, label="data")
        panel.scatter(*case.draws.T, s=3, linewidths=0, color=COLOURS[0], label="model")
        panel.plot(
            *case.means.T, color=COLOURS[1], linewidth=2.5, label=f"E[x | z], |z| < {REACH:g}"
        )
        panel.set(title=f"{title}: {case.kl:.2f} nats", xlim=(-3.5, 3.5), ylim=(-3.5, 3.5))
        panel.set_aspect("equal")
    last, fine = panels[-1], np.linspace(0, max(row["correlation"] for row in rows), 200)
    last.plot(fine, wyner_information(fine), color=INK, linewidth=1, label="least KL, diagonal")
    for colour, decoder in zip(
        COLOURS[2:], dict.fromkeys(row["decoder"] for row in rows), strict=False
    ):
        some = [row for row in rows if row["decoder"] == decoder]
        x, y = ([row[name] for row in some] for name in ("correlation", "kl"))
        last.plot(x, y, "o", color=colour, label=f"{decoder} decoder")
    last.set(xlabel="correlation of the data", ylabel="KL, nats", title="KL learnt")
    handles = [panels[0].get_legend_handles_labels(), last.get_legend_handles_labels()]
    merged = [[*first, *second] for first, second in zip(*handles, strict=True)]
    page.legend(*merged, loc="outside lower center", ncols=6, fontsize=7)
    return page
