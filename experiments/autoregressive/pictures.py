"""Pictures of draws: of every model, of classes, of the rest of an image, of a code several times.

All of it is the models' own: what is completed, too, is a sample.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.autoregressive.runs import CLASSES, CONFIGURED, VLAE, WARMED_UP, Cell
from experiments.trained import Trained, trained
from vaejax.objectives.views import need
from vaejax.pictures import figures
from vaejax.pictures.sampler import compiled
from vaejax.sweep import Member
from vaejax.types import Array

NUM_CLASSES = 10
NUM_ROWS = 6  # of completions and of codes


def draw_all(members: Mapping[Cell, Sequence[Member]], folder: Path, columns: int) -> None:
    """Write every picture whose runs are finished, of their first seeds.

    Args:
        members: the runs.
        folder: receives them.
        columns: images in a row.
    """
    shown = [cell for cell in members if cell.page == "nll"]
    shown += [Cell("pixelvae", WARMED_UP), Cell("vlae", VLAE)]
    rows = {cell.row: rows_of(members, cell, samples, columns) for cell in shown}
    there = {title: row for title, row in rows.items() if row is not None}
    if there:
        picture = figures.titled_rows(np.stack(list(there.values())), list(there))
        figures.save_png(folder / "samples.png", picture)
    for name, cell, images_of in (
        ("classes", Cell("nll", CLASSES), of_classes),
        ("completions", Cell("nll", CONFIGURED), completions),
        ("codes_window_3", Cell("window", "3"), of_codes),
        ("codes_window_full", Cell("window", "full"), of_codes),
    ):
        images = rows_of(members, cell, images_of, columns)
        if images is not None:
            grid = figures.image_grid(np.concatenate(images), columns=columns)
            figures.save_png(folder / f"{name}.png", grid)


def rows_of(
    members: Mapping[Cell, Sequence[Member]],
    cell: Cell,
    images_of: Callable[[Trained, int], np.ndarray],
    columns: int,
) -> np.ndarray | None:
    """What `images_of` makes of the first finished run of a row that did not diverge, if any."""
    finished = [member for member in members.get(cell, ()) if member.finished]
    model = next(trained(finished), None)
    return None if model is None else images_of(model, columns)


def samples(model: Trained, columns: int) -> np.ndarray:
    """Samples [columns, H, W, C]."""
    views = model.run.context.objective.views
    return _drawn(model, "from_noise", views.noise(_keys(columns)))


def of_classes(model: Trained, columns: int) -> np.ndarray:
    """Samples of every class, the same noise for all, [classes, columns, H, W, C]."""
    labels = jnp.repeat(jnp.arange(NUM_CLASSES), columns)
    nothing = jnp.zeros((len(labels), *model.run.source.image_shape))
    batch = {"image": nothing, "label": labels}
    noise = model.run.context.objective.views.noise(jnp.tile(_keys(columns), NUM_CLASSES))
    images = _drawn(model, "complete", batch, jnp.zeros(nothing.shape[:3]), noise)
    return images.reshape(NUM_CLASSES, columns, *images.shape[1:])


def completions(model: Trained, columns: int) -> np.ndarray:
    """A sample in every row, then its upper half completed again, [rows, columns, H, W, C]."""
    first = samples(model, NUM_ROWS)
    images = jnp.repeat(first, columns, axis=0)
    known = jnp.zeros(images.shape[:3]).at[:, : images.shape[1] // 2].set(1.0)
    noise = model.run.context.objective.views.noise(_keys(len(images), seed=1))
    drawn = _drawn(model, "complete", {"image": images}, known, noise)
    drawn = drawn.reshape(NUM_ROWS, columns, *drawn.shape[1:])
    return np.concatenate([first[:, None], drawn[:, 1:]], axis=1)


def of_codes(model: Trained, columns: int) -> np.ndarray:
    """Images of one code of the prior in every row, [rows, columns, H, W, C].

    What a row has in common is in the code; all else is drawn by the decoder.
    """
    views = model.run.context.objective.views
    codes_of = compiled(need(views, "prior_codes", "codes"))
    (codes,) = codes_of(*_variables(model), views.noise(_keys(NUM_ROWS)))
    codes = jnp.repeat(codes, columns, axis=0)
    images = _drawn(model, "decode", (codes,), _keys(len(codes), seed=1))
    return images.reshape(NUM_ROWS, columns, *images.shape[1:])


def _drawn(model: Trained, view: str, *args: Any) -> np.ndarray:
    """Images of a view, as they are looked at."""
    images = compiled(need(model.run.context.objective.views, view, "pictures"))
    return np.asarray(model.run.source.pictures(images(*_variables(model), *args)))


def _variables(model: Trained) -> tuple[Any, Any]:
    return model.state.ema_params, model.state.model_state


def _keys(count: int, seed: int = 0) -> Array:
    return jax.random.split(jax.random.key(seed), count)
