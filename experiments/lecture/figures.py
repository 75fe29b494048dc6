"""The lecture's figures: readings in, matplotlib figures out; `style.draw` writes them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from experiments.lecture.capacity import ON, Rise, best_shares, leading
from experiments.lecture.coloured import Shares
from experiments.lecture.position import VALUES, Page
from experiments.style import COLOURS, PALE, WIDTH, panels_of
from vaejax.pictures.figures import image_grid

NUM_ROWS = 6  # latents shown of each model: those of the highest KL
NUM_STAGES = 5  # of a rising capacity


def position(pages: Sequence[Page]) -> Any:
    """For each beta: inputs, reconstructions, and a row per latent: its traversal and its map."""
    from matplotlib.figure import Figure

    rows = 2 + min(NUM_ROWS, len(pages[0].kl))
    figure = Figure(figsize=(WIDTH, 0.8 + 0.28 * rows))
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02, wspace=0, hspace=0)
    parts = figure.subfigures(1, len(pages), squeeze=False, wspace=0.03)[0]
    for part, page in zip(parts, pages, strict=True):
        part.suptitle(f"β = {page.beta:g}", fontsize=9)
        panels = part.subplots(rows, 2, width_ratios=[len(VALUES), 1])
        order = np.argsort(-page.kl, kind="stable")[: rows - 2]
        strips = {"input": page.originals, "output": page.reconstructions}
        strips |= {f"$z_{{{d}}}$  {page.kl[d]:.2f} nats": page.traversals[d] for d in order}
        for (left, right), (label, images) in zip(panels, strips.items(), strict=True):
            left.imshow(image_grid(images, columns=len(images), padding=2, scale=1))
            left.set_ylabel(label, rotation=0, ha="right", va="center", fontsize=6)
            for panel in (left, right):
                panel.set(xticks=[], yticks=[])
                panel.spines[:].set_visible(False)
            right.set_visible(label.startswith("$"))
        for (_, right), d in zip(panels[2:], order, strict=True):
            shades = right.imshow(page.maps[d], cmap="bwr", vmin=-3, vmax=3)
        where = {"location": "bottom", "shrink": 0.4, "aspect": 30, "pad": 0.01}
        bar = part.colorbar(shades, ax=panels, ticks=[-3, 0, 3], **where)
        bar.set_label("mean of a latent at each place", fontsize=7)
        bar.ax.tick_params(labelsize=7)
    return figure


def capacity(rises: Sequence[Rise]) -> Any:
    """KL of each latent against C, a panel per seed; and the best share of each factor."""
    columns = len(rises) + 1
    figure, panels = panels_of(columns, height=2.6, sharex=True)
    colours = dict(zip(rises[0].factors, COLOURS, strict=False))
    for panel, rise in zip(panels, rises, strict=False):
        for latent, factor in enumerate(leading(rise)):
            on = rise.kl[-1, latent] > ON
            style = {"color": colours[factor] if on else PALE, "linewidth": 1.3 if on else 0.6}
            panel.plot(rise.capacity, rise.kl[:, latent], **style)
        panel.sharey(panels[0])
        panel.set_xlabel("capacity C, nats")
    panels[0].set_ylabel("KL of each latent, nats")
    last = panels[-1]
    for factor, name in enumerate(rises[0].factors):
        for rise in rises:
            last.plot(rise.capacity, best_shares(rise)[:, factor], color=colours[name], alpha=0.4)
        mean = np.mean([best_shares(rise)[:, factor] for rise in rises], axis=0)
        last.plot(rises[0].capacity, mean, color=colours[name], label=name, linewidth=2)
    last.set(xlabel="capacity C, nats", ylabel="share of a latent's variance", ylim=(0, 1))
    figure.legend(*last.get_legend_handles_labels(), loc="outside lower center", ncols=5)
    return figure


def dependence(rise: Rise) -> Any:
    """Which factor each latent that is on depends on, at some capacities, and its KL in nats.

    Latents are in the order of their final KL.
    """
    steps = np.linspace(0, len(rise.capacity) - 1, NUM_STAGES + 1).round().astype(int)[1:]
    steps = np.unique(steps)
    figure, panels = panels_of(len(steps), height=2.4, sharey=True)
    order = np.argsort(-rise.kl[-1], kind="stable")
    for panel, step in zip(panels, steps, strict=True):
        on = rise.kl[step, order, None] > ON
        _matrix(panel, np.where(on, rise.shares[step, order], 0.0), rise.factors)
        panel.set_title(f"C = {rise.capacity[step]:.0f} nats")
        for row, latent in enumerate(order):
            text = f"{rise.kl[step, latent]:.1f}"
            panel.text(len(rise.factors) - 0.3, row, text, fontsize=6, va="center")
    panels[0].set_yticks(range(len(order)), [f"$z_{{{d}}}$" for d in order], fontsize=7)
    return figure


def trade_off(numbers: Mapping[str, Mapping[str, list[float]]]) -> Any:
    """Scores against the reconstruction error of held-out images; a dot per seed."""
    names = {"FactorVAE metric": "factor_vae_score", "beta-VAE metric": "beta_vae_score"}
    names["MIG"] = "mig"
    figure, panels = panels_of(len(names), height=2.5)
    for panel, (title, name) in zip(panels, names.items(), strict=True):
        for colour, (objective, values) in zip(COLOURS, numbers.items(), strict=False):
            errors = [-value for value in values["log_px"]]
            panel.scatter(errors, values[name], color=colour, s=14, label=objective)
            mean = np.mean(errors), np.mean(values[name])
            panel.scatter(*mean, color=colour, marker="+", s=90)
        panel.set(xlabel="reconstruction error, nats", ylabel=title)
        panel.margins(0.2)
    panels[0].legend()
    return figure


def beside(pictures: Mapping[str, np.ndarray]) -> Any:
    """Pictures side by side under their titles."""
    heights = [WIDTH / len(pictures) * p.shape[0] / p.shape[1] for p in pictures.values()]
    figure, panels = panels_of(len(pictures), height=max(heights) + 0.25)
    for panel, (title, picture) in zip(panels, pictures.items(), strict=True):
        panel.imshow(picture, interpolation="antialiased")
        panel.set_title(title)
        panel.set_axis_off()
    return figure


def coloured(shares: Shares) -> Any:
    """What each latent that is on depends on, the colour among it; latents by KL."""
    order = np.argsort(-shares.kl, kind="stable")
    figure, (panel,) = panels_of(1, height=2.6, width=3.2)
    on = shares.kl[order, None] > ON
    _matrix(panel, np.where(on, shares.shares[order], 0.0), shares.names)
    labels = [f"$z_{{{d}}}$  {shares.kl[d]:.2f} nats" for d in order]
    panel.set_yticks(range(len(order)), labels, fontsize=7)
    return figure


def _matrix(panel: Any, shares: np.ndarray, names: Sequence[str]) -> None:
    """Shares [D, F] as shades, with numbers where they are not small."""
    panel.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for (row, column), share in np.ndenumerate(shares):
        if share >= 0.1:
            text, colour = f"{share:.1f}".removeprefix("0"), "white" if share > 0.6 else "black"
            panel.text(column, row, text, ha="center", va="center", color=colour, fontsize=6)
    upright = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
    panel.set_xticks(range(len(names)), names, fontsize=7, **upright)
    panel.tick_params(length=0)
    panel.spines[:].set_visible(False)
