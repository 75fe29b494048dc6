"""The thesis's figures: arrays in, matplotlib figures out; `style.draw` writes them."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from experiments.style import INK, PALE, panels_of
from experiments.thesis import canvas
from experiments.thesis.canvas import SIZE_COLOURS, SPLIT_COLOURS, Series
from vaejax.pictures.figures import image_grid

PART_STYLES = {"loss": "-", "reconstruction": (0, (3, 1.5))}
PART_COLOURS = (INK, *SIZE_COLOURS.values())
COLUMNS = 5  # panels beside each other where there is one per beta
NOTHING = 1e-6  # nats, below which a KL is not shown
LINEAR = 0.01  # the axis of figure 5.1 is logarithmic from here on, and linear down to 0
REFERENCE_STYLES = (":", "--", "-.")


def against_beta(lines: Mapping[int, Series], label: str) -> Any:
    """A number of at least 0 against beta, a line per latent size (figure 5.1).

    Where an encoder ignores its images, so that all posteriors are equal, the number is 0.
    """
    figure, (panel,) = panels_of(1, columns=1, height=3.2, width=4.6)
    for size, series in lines.items():
        canvas.line(panel, series, SIZE_COLOURS[size], f"{size} latents")
    canvas.beta_axis(panel)
    panel.set_yscale("symlog", linthresh=LINEAR, linscale=0.5)
    panel.set(ylabel=label, ylim=(-0.05 * LINEAR, None))
    panel.legend()
    return figure


def losses(curves: Mapping[str, Mapping[str, Series]], baseline: float) -> Any:
    """Loss and reconstruction error per epoch, a panel per beta (figures 5.4, 5.6, 5.8).

    Args:
        curves: by part (`loss`, `reconstruction`), then split: [S, epochs], nats per image.
        baseline: reconstruction error of the mean image, nats per image: the dotted line.
    """
    betas = list(curves["loss"]["training"])
    figure, panels = panels_of(len(betas), columns=COLUMNS, height=1.8, sharex=True, sharey=True)
    for panel, beta in zip(panels, betas, strict=True):
        panel.axhline(baseline, color=PALE, linewidth=0.8, linestyle=":", label="mean image")
        for part, style in PART_STYLES.items():
            for split, series in curves[part].items():
                label = f"{split} {part}"
                canvas.curve(panel, series[beta], SPLIT_COLOURS[split], label, style)
        panel.set_title(canvas.beta_text(beta))
    errors = np.concatenate(
        [values for series in curves["reconstruction"].values() for values in series.values()]
    )
    low, high = errors.min(), max(baseline, errors.max())
    panels[0].set_ylim(low - 0.06 * (high - low), high + 0.2 * (high - low))
    canvas.epoch_axis(panels)
    figure.supylabel("nats per image", fontsize=9)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def kl_per_epoch(curves: Mapping[int, Series]) -> Any:
    """KL per epoch, a line per beta, a panel per latent size; [S, epochs], nats per image."""
    from matplotlib import colormaps

    figure, panels = panels_of(len(curves), columns=3, height=3.2, sharex=True, sharey=True)
    for panel, (size, series) in zip(panels, curves.items(), strict=True):
        shades = colormaps["viridis_r"](np.linspace(0.05, 1, len(series)))
        for shade, (beta, values) in zip(shades, series.items(), strict=True):
            canvas.curve(panel, values, shade, canvas.beta_text(beta))
        panel.set_title(f"{size} latents")
    panels[0].set(yscale="log", ylabel="KL (nats per image)", ylim=(NOTHING, None))
    canvas.epoch_axis(panels)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=5)
    return figure


def aggregate_posterior(samples: Mapping[str, np.ndarray]) -> Any:
    """Codes drawn from q(z) and from the prior (figure 5.2), a panel for each.

    The dashed circle is the prior at two standard deviations, the line the same of the Gaussian
    with the samples' mean and covariance.

    Args:
        samples: by title, [S, 2].
    """
    figure, panels = panels_of(len(samples), columns=4, height=2.05)
    angles = np.linspace(0, 2 * np.pi, 200)
    circle = 2 * np.stack([np.cos(angles), np.sin(angles)])  # [2, T]
    for panel, (title, z) in zip(panels, samples.items(), strict=True):
        ellipse = z.mean(0)[:, None] + np.linalg.cholesky(np.cov(z, rowvar=False)) @ circle
        panel.scatter(*z.T, s=0.5, alpha=0.3, linewidths=0, color=SIZE_COLOURS[2])
        panel.plot(*circle, color=INK, linestyle=(0, (3, 2)), linewidth=0.9)
        panel.plot(*ellipse, color=SIZE_COLOURS[3], linewidth=0.9)
        reach = max(3.5, 1.05 * np.quantile(np.abs(z), 0.999), 1.05 * np.abs(ellipse).max())
        panel.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", title=title)
        panel.locator_params(nbins=4)
    figure.supxlabel("$z_1$", fontsize=9)
    figure.supylabel("$z_2$", fontsize=9)
    return figure


def push_forwards(points: Mapping[str, np.ndarray]) -> Any:
    """A Gaussian and what deterministic functions make of it (figure 3.3); [N, 2] by title."""
    figure, panels = panels_of(len(points), columns=3, height=2.5)
    for panel, (title, z) in zip(panels, points.items(), strict=True):
        panel.scatter(*z.T, s=1.5, alpha=0.5, linewidths=0, color=SIZE_COLOURS[2])
        panel.set_title(title)
        panel.set_aspect("equal", adjustable="datalim")  # panels of one size
    return figure


def image_panels(images: Mapping[str, np.ndarray]) -> Any:
    """Square grids of images (figures 5.3, 5.5, 5.7); [n^2, H, W, C] in [0, 1] by title."""
    figure, panels = panels_of(len(images), columns=COLUMNS, height=2.2)
    for panel, (title, some) in zip(panels, images.items(), strict=True):
        panel.imshow(image_grid(some, padding=1, scale=2), interpolation="nearest")
        panel.set_title(title)
        panel.set_axis_off()
    return figure


def decomposition(parts: Mapping[int, Mapping[str, Series]], most: float) -> Any:
    """Both sides of Eq. 3.14 against beta, a panel per latent size.

    Args:
        parts: by latent size, then by name: nats per image.
        most: the largest mutual information there can be: the dotted line.
    """
    figure, panels = panels_of(len(parts), columns=3, height=3.0, sharex=True, sharey=True)
    for panel, (size, series) in zip(panels, parts.items(), strict=True):
        panel.axhline(most, color=PALE, linewidth=0.8, linestyle=":", label="log N")
        for (name, values), colour in zip(series.items(), PART_COLOURS, strict=False):
            canvas.line(panel, values, colour, name)
        panel.set_title(f"{size} latents")
        canvas.beta_axis(panel)
    panels[0].set_ylabel("nats per image")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def disentanglement(scores: Mapping[str, Series], others: Mapping[str, Mapping[str, float]]) -> Any:
    """Scores of the beta-VAE against beta, and of other codes as horizontal lines (chapter 6).

    Args:
        scores: by the score's name.
        others: by the score's name, then by the name of the codes.
    """
    figure, panels = panels_of(len(scores), columns=2, height=2.8, width=6.4)
    for panel, (name, series) in zip(panels, scores.items(), strict=True):
        canvas.line(panel, series, SIZE_COLOURS[2], "β-VAE")
        for style, (codes, value) in zip(REFERENCE_STYLES, others[name].items(), strict=False):
            panel.axhline(value, color=INK, linestyle=style, linewidth=0.9, label=codes)
        canvas.beta_axis(panel)
        panel.set(ylabel=name, ylim=(-0.02, 1.02))
    panels[-1].legend()
    return figure
