"""The plan's figures: readings in, matplotlib figures out; `style.draw` writes them.

Lines are means over seeds, dots the seeds.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from experiments.plans.readings import (
    METRIC,
    SCORES,
    Reading,
    by_beta_norm,
    by_size,
    choice,
    number,
)
from experiments.style import COLOURS, INK, panels_of

BETA_LABEL = r"$\beta_\mathrm{norm} = \beta M / N$"


def heat_map(readings: Sequence[Reading]) -> Any:
    """Each score over latent size and beta_norm; the best of every latent size is framed."""
    from matplotlib.patches import Rectangle

    sizes = by_size(readings)
    beta_norms = sorted({reading.beta_norm for reading in readings})
    figure, panels = panels_of(len(SCORES), height=0.9 + 0.42 * len(sizes), sharey=True)
    for panel, (title, name) in zip(panels, SCORES.items(), strict=True):
        series = [by_beta_norm(some, number(name)) for some in sizes.values()]
        means = np.array(
            [[s[b].mean() if b in s else np.nan for b in beta_norms] for s in series]
        )  # [sizes, betas]; a point whose seeds all diverged is blank
        panel.imshow(means, cmap="viridis", aspect="auto", origin="lower")
        middle = 0.5 * (np.nanmin(means) + np.nanmax(means))
        for row, column in np.argwhere(np.isfinite(means)):
            value = means[row, column]
            colour = "white" if value < middle else "black"
            text = f"{value:.2f}".removeprefix("0")
            panel.text(column, row, text, ha="center", va="center", color=colour, fontsize=7)
        for row, column in enumerate(np.nanargmax(means, axis=1)):
            corner = (column - 0.47, row - 0.45)
            panel.add_patch(Rectangle(corner, 0.94, 0.9, fill=False, edgecolor="red", lw=1.2))
        panel.set_xticks(range(len(beta_norms)), [f"{b:g}" for b in beta_norms], fontsize=7)
        panel.set_yticks(range(len(sizes)), list(map(str, sizes)))
        panel.tick_params(length=0)
        panel.spines[:].set_visible(False)
        panel.set(title=title, xlabel=BETA_LABEL)
    panels[0].set_ylabel("latents M")
    return figure


def inverted_u(readings: Sequence[Reading]) -> Any:
    """Each score, and the number of active latents, against beta_norm; a line per latent size."""
    names = {**SCORES, "active latents": "active_units"}
    figure, panels = panels_of(len(names), columns=2, height=2.5, sharex=True)
    for panel, (title, name) in zip(panels, names.items(), strict=True):
        _lines(panel, readings, number(name))
        panel.set_ylabel(title)
    panels[0].legend()
    for panel in panels[-2:]:
        panel.set_xlabel(BETA_LABEL)
    return figure


def few_labels(readings: Sequence[Reading]) -> Any:
    """The metric on few labelled images against beta_norm, a panel per number of them.

    A dot is the mean over the repeats of a seed.
    """
    counts = sorted(readings[0].label_scores)
    figure, panels = panels_of(len(counts), height=2.8, sharey=True)
    for panel, count in zip(panels, counts, strict=True):
        _lines(panel, readings, lambda reading, n=count: reading.label_scores[n].mean())
        panel.set(xlabel=BETA_LABEL, title=f"{count:,} labels")
    panels[0].set_ylabel("beta-VAE metric")
    panels[0].legend()
    return figure


def choices(readings: Sequence[Reading]) -> Any:
    """How far the model that few labels choose is from the best one, a line per latent size.

    A dot is the mean over the repeats of a seed.
    """
    counts = sorted(readings[0].label_scores)
    figure, (panel,) = panels_of(1, height=2.8, width=4.2)
    for place, (colour, (size, some)) in enumerate(
        zip(COLOURS, by_size(readings).items(), strict=False)
    ):
        made = [choice(some, count) for count in counts]
        across = np.array(counts) * 1.06**place  # beside each other, not over each other
        panel.plot(across, [one.lost.mean() for one in made], color=colour, label=f"{size} latents")
        for where, one in zip(across, made, strict=True):
            panel.scatter(np.full(len(one.lost), where), one.lost, color=colour, s=8)
        panel.axhline(made[0].lost_blindly, color=colour, linewidth=0.9, linestyle=":")
    panel.plot([], [], color=INK, linewidth=0.9, linestyle=":", label="chosen at random")
    panel.set(xscale="log", xlabel="labelled images", ylabel="metric below the best model's")
    panel.set_ylim(top=1.5 * panel.get_ylim()[1])  # room for the legend
    panel.legend(ncols=2)
    return figure


def likelihood(readings: Sequence[Reading]) -> Any:
    """log p(x) of held-out images against beta_norm; the metric against it."""
    figure, (left, right) = panels_of(2, height=3.0)
    _lines(left, readings, number("log_likelihood"))
    for colour, some in zip(COLOURS, by_size(readings).values(), strict=False):
        bound = by_beta_norm(some, number("elbo"))
        means = [values.mean() for values in bound.values()]
        left.plot(list(bound), means, color=colour, linestyle=":", linewidth=1)
        across, up = ([r.numbers[name] for r in some] for name in ("log_likelihood", METRIC))
        right.scatter(across, up, color=colour, s=10)
        path = [by_beta_norm(some, number(name)) for name in ("log_likelihood", METRIC)]
        means = [[values.mean() for values in series.values()] for series in path]
        right.plot(*means, color=colour, linewidth=0.7, alpha=0.6)
    left.plot([], [], color=INK, label="importance-weighted")
    left.plot([], [], color=INK, linestyle=":", linewidth=1, label="bound")
    left.set(xlabel=BETA_LABEL, ylabel="log p(x), nats per image (test)")
    left.legend()
    right.set(xlabel="log p(x), importance-weighted (test)", ylabel="beta-VAE metric")
    return figure


def _lines(panel: Any, readings: Sequence[Reading], value: Callable[[Reading], float]) -> None:
    """A value against beta_norm, for every latent size."""
    for colour, (size, some) in zip(COLOURS, by_size(readings).items(), strict=False):
        series = by_beta_norm(some, value)
        means = [values.mean() for values in series.values()]
        panel.plot(list(series), means, color=colour, label=f"{size} latents")
        dots = [(reading.beta_norm, value(reading)) for reading in some]
        panel.scatter(*zip(*dots, strict=True), color=colour, s=8)
    panel.set_xscale("log")
