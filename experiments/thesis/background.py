"""What the thesis shows before anything is trained: chapters 3 and 4."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from experiments.style import draw
from experiments.thesis import maths, plots
from experiments.thesis.tables import as_text, parameter_tables
from vaejax import data
from vaejax.core.files import write_whole
from vaejax.models import ConvVAE
from vaejax.pictures import figures
from vaejax.pictures.run_pictures import examples

NUM_POINTS = 4_000  # of the Gaussian in figure 3.3
KL_SIZES = (1, 2, 3, 5)  # dimensions of the Gaussians of Eq. 3.9
KL_PAIRS = 3  # of each


def chapter_3(digits: Path, folder: Path) -> dict[str, Any]:
    """Figures 3.2 (where MNIST is at hand) and 3.3; Eq. 3.9 against Monte Carlo."""
    try:
        figures.save_png(folder / "figure_3_2.png", examples(data.mnist(digits)["train"]))
    except ValueError as error:
        print(f"no figure 3.2; {error}")
    z = jax.random.normal(jax.random.key(0), (NUM_POINTS, 2))
    points = {f"$g(z) = {name}$": np.asarray(g(z)) for name, g in maths.PUSH_FORWARDS.items()}
    draw(folder / "figure_3_3.png", plots.push_forwards, points)
    pairs = itertools.product(KL_SIZES, range(KL_PAIRS))
    checks = [maths.multivariate_kl_check(seed, size) for size, seed in pairs]
    return {"equation_3_9": checks}


def chapter_4(faces: data.Source, models: Sequence[ConvVAE], folder: Path) -> dict[str, Any]:
    """Figure 4.1; tables 4.1 and 4.2 of each model."""
    figures.save_png(folder / "figure_4_1.png", examples(faces))
    results, texts = {}, []
    for model in models:
        tables = parameter_tables(model)
        for number, (part, rows) in enumerate(tables.items(), 1):
            title = f"Table 4.{number}: {part}, {model.latent_size} latents"
            texts.append(as_text(title, rows))
        results[str(model.latent_size)] = {
            part: [row._asdict() for row in rows] for part, rows in tables.items()
        }
    write_whole(folder / "tables_4_1_and_4_2.txt", "\n".join(texts))
    return {"tables_4_1_and_4_2": results}
