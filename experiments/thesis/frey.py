"""Chapter 5: what beta does to codes, losses and images on the Frey faces."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from experiments.style import draw
from experiments.thesis import plots
from experiments.thesis.canvas import beta_text
from experiments.thesis.readings import SPLITS, Reading, by_beta, by_size, first_seed
from vaejax.core.randomness import stream

FROBENIUS_FIGURES = {"posterior": "figure_5_1", "means": "figure_5_1_of_means"}
GRID_FIGURES = {2: "figure_5_3", 3: "figure_5_5", 5: "figure_5_7"}
LOSS_FIGURES = {2: "figure_5_4", 3: "figure_5_6", 5: "figure_5_8"}
SHEARING = (1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0, 20.0, 30.0, 50.0, 100.0)  # figure 5.2
NUM_PRIOR = 10_000  # draws of the prior in figure 5.2
PARTS = {
    "E KL(q(z|x) || p(z))": "equation_3_14/kl",
    "I(x; z)": "equation_3_14/mutual_information",
    "KL(q(z) || p(z))": "equation_3_14/marginal_kl",
}


def draw_codes(
    readings: Sequence[Reading], between: Sequence[Reading], num_images: int, folder: Path
) -> None:
    """Figures 5.1 and 5.2, and Eq. 3.14 against beta.

    Args:
        readings: of the grid of betas and latent sizes.
        between: of the further betas of figure 5.2, two latents.
        num_images: N, of which q(z) is a mixture.
        folder: receives the files.
    """
    sizes = by_size(readings)

    def series(size: int, name: str) -> dict[float, np.ndarray]:
        return by_beta(sizes[size], lambda reading: reading.scores[name])

    for aggregate, figure in FROBENIUS_FIGURES.items():
        lines = {size: series(size, f"frobenius_distance/{aggregate}") for size in sizes}
        path = folder / f"{figure}.png"
        draw(path, plots.against_beta, lines, "Frobenius distance (units of z, squared)")
    parts = {size: {text: series(size, name) for text, name in PARTS.items()} for size in sizes}
    draw(folder / "equation_3_14.png", plots.decomposition, parts, float(np.log(num_images)))
    panels = {"p(z)": np.asarray(jax.random.normal(stream(0, "prior"), (NUM_PRIOR, 2)))}
    for reading in first_seed([*sizes.get(2, []), *between]):
        if reading.beta in SHEARING:
            panels[f"q(z), {beta_text(reading.beta)}"] = reading.samples
    draw(folder / "figure_5_2.png", plots.aggregate_posterior, panels)


def draw_images(readings: Sequence[Reading], folder: Path) -> None:
    """Figures 5.3, 5.5 and 5.7 of the first seed: a plane of the codes, and draws of the prior."""
    for size, some in by_size(readings).items():
        for what in ("plane", "draws"):
            panels = {beta_text(r.beta): getattr(r, what) for r in first_seed(some)}
            draw(folder / f"{GRID_FIGURES[size]}_{what}.png", plots.image_panels, panels)


def draw_losses(readings: Sequence[Reading], mean_image_error: float, folder: Path) -> None:
    """Figures 5.4, 5.6 and 5.8, and the KL per epoch.

    Args:
        readings: of the grid of betas and latent sizes.
        mean_image_error: nats per image; see `maths.mean_image_error`.
        folder: receives the files.
    """
    sizes = by_size(readings)

    def series(some: Sequence[Reading], part: str, split: str) -> dict[float, np.ndarray]:
        return by_beta(some, lambda reading: reading.losses[part][split])

    for size, some in sizes.items():
        curves = {
            part: {split: series(some, part, split) for split in SPLITS}
            for part in ("loss", "reconstruction")
        }
        draw(folder / f"{LOSS_FIGURES[size]}.png", plots.losses, curves, mean_image_error)
    kl = {size: series(some, "kl", "training") for size, some in sizes.items()}
    draw(folder / "kl_per_epoch.png", plots.kl_per_epoch, kl)


def points(readings: Sequence[Reading]) -> list[dict[str, Any]]:
    """One row for every latent size and beta, its numbers by seed; nats per image.

    Losses are those after the last epoch; `_first` those after the first.
    """
    rows = []
    for size, some in by_size(readings).items():
        for beta in sorted({reading.beta for reading in some}):
            alike = [reading for reading in some if reading.beta == beta]
            row: dict[str, Any] = {"latent_size": size, "beta": beta}
            row["seeds"] = [reading.seed for reading in alike]
            for name in alike[0].scores:
                row[name] = [reading.scores[name] for reading in alike]
            for part, splits in alike[0].losses.items():
                for split in splits:
                    curves = [reading.losses[part][split] for reading in alike]
                    row[f"{part}/{split}_first"] = [float(curve[0]) for curve in curves]
                    row[f"{part}/{split}"] = [float(curve[-1]) for curve in curves]
            rows.append(row)
    return rows
