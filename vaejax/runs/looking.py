"""Commands that ask a trained model: codes of images, and pictures of what it makes of them.

Each writes into the folder of the run, and says what it has written and where.
"""

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import ml_collections
import numpy as np

from vaejax.core.files import write_whole
from vaejax.data import Source, Subset
from vaejax.pictures import figures
from vaejax.runs.attributes import attributed, title
from vaejax.runs.codes_file import load_codes, save_codes
from vaejax.runs.config import ConfigError
from vaejax.runs.given import Given, given_images
from vaejax.runs.handle import AMOUNTS, TrainedModel
from vaejax.runs.load import trained_model
from vaejax.runs.modes import Which
from vaejax.runs.passes import Images
from vaejax.types import Temperature

SHOWN = 64  # images in a picture
ROWS = 8  # images of which each has a row, or a picture, of its own


class Asked(NamedTuple):
    """What the flags of a command say.

    Attributes:
        images: see `given_images`.
        labels: likewise, of the images' classes.
        codes: see `load_codes`.
        attributes: see `attributed`.
        groups: so many latent groups from the top are kept in reconstructions; None keeps all.
        num_steps: of an interpolation.
        temperature: of what is drawn.
    """

    images: str | None = None
    labels: str | None = None
    codes: str | None = None
    attributes: Sequence[str] = ()
    groups: int | None = None
    num_steps: int = 8
    temperature: Temperature = 1.0


def look(
    mode: str,
    config: ml_collections.ConfigDict,
    workdir: Path,
    which: Which,
    asked: Asked,
) -> list[Path]:
    """Do what a mode says; the files that it has written.

    Raises:
        ConfigError: there is no such run, or it cannot answer; the message names the flag.
    """
    model = trained_model(config, workdir, which)
    try:
        return MODES[mode](model, workdir, asked)
    except ConfigError:
        raise
    except ValueError as error:  # messages begin with the argument's name, which may be a flag's
        flag = str(error).split(":")[0]
        known = flag in Asked._fields
        raise ConfigError(f"--{error}" if known else f"--mode={mode}: {error}") from error


def encode(model: TrainedModel, workdir: Path, asked: Asked) -> list[Path]:
    """Codes of images with names, means, scales and KL per group."""
    given = _given(asked, model)
    means = model.encode(given.images)
    drawn = model.encode(given.images, draw=True)
    known = _factors(given)
    path = workdir / f"codes_{given.name}_{model.step}.npz"
    content = save_codes(path, given.names, means, drawn, **known)
    print(f"{len(given.names):,} images of {given.name}, {len(means)} latent group(s)")
    for group, latent in enumerate(drawn):
        shape = list(latent.z.shape[1:])
        print(f"  group {group} {shape}: KL {latent.kl.mean():.4g} nats/image")
    print(f"written to {path}: {', '.join(content)}")
    return [path]


def reconstruct(model: TrainedModel, workdir: Path, asked: Asked) -> list[Path]:
    """Images above those decoded from their codes, or from the codes of the top groups."""
    given = _given(asked, model, SHOWN)
    made = model.reconstruct(given.images, groups=asked.groups, temperature=asked.temperature)
    name = "reconstructions" if asked.groups is None else f"reconstructions_top{asked.groups}"
    picture = figures.reconstructions(model.pictures(given.some(0, SHOWN)), made[:SHOWN])
    return _written(workdir / f"{name}_{given.name}_{model.step}.png", picture, made)


def interpolate(model: TrainedModel, workdir: Path, asked: Asked) -> list[Path]:
    """The ways from each image to the next, one in a row, of the first few."""
    given = _given(asked, model, ROWS + 1)
    count = _few(given, ROWS + 1)
    if count < 2:
        raise ValueError(f"images: expected at least 2 to go between, got {count}")
    ends = given.some(0, count - 1), given.some(1, count)
    made = model.interpolate(*ends, asked.num_steps)
    picture = figures.image_grid(np.concatenate(made), columns=asked.num_steps)
    return _written(workdir / f"interpolations_{given.name}_{model.step}.png", picture, made)


def decode(model: TrainedModel, workdir: Path, asked: Asked) -> list[Path]:
    """Images of codes in a file."""
    if asked.codes is None:
        raise ValueError("codes: expected a .npy or .npz file of codes, got none")
    made = model.decode(load_codes(asked.codes), temperature=asked.temperature)
    name = Path(asked.codes).stem
    path = workdir / f"decoded_{name}_{model.step}.png"
    return _written(path, figures.samples(made[:SHOWN]), made)


def traverse(model: TrainedModel, workdir: Path, asked: Asked) -> list[Path]:
    """What each latent, or each attribute's direction, changes in the first few images."""
    given = _given(asked, model, ROWS)
    images = given.some(0, _few(given, ROWS))
    if asked.attributes:
        name, (source, values) = "directions", attributed(model, given, asked.attributes)
        directions = model.directions(source, values)
        made = model.move(images, directions, AMOUNTS)
        titles = [title(name) for name in asked.attributes]
        pictures = [figures.titled_rows(made[:, n], titles) for n in range(made.shape[1])]
    else:
        name, made = "traversals", model.traverse(images)
        kl = _mean_kl(model, images)
        pictures = [figures.traversals(made[:, n], kl) for n in range(made.shape[1])]
    paths = []
    for place, picture in enumerate(pictures):
        path = workdir / f"{name}_{given.name}_{place}_{model.step}.png"
        paths += _written(path, picture, made[:, place])
    return paths


def nearest(model: TrainedModel, workdir: Path, asked: Asked) -> list[Path]:
    """Samples (or images) above the training images nearest to them, in pixels and in codes."""
    if asked.images is None:
        made = model.sample(ROWS, asked.temperature)
        given = Given("samples", made, [str(place) for place in range(ROWS)])
    else:
        given = _given(asked, model)
    images, arrays = given.some(0, _few(given, ROWS)), dict[str, np.ndarray]()
    by: Literal["pixels", "codes"]
    rows, titles = [model.pictures(images)], [given.name]
    for by in ("pixels", "codes"):
        try:
            found = model.nearest(images, by=by)
        except ValueError as error:
            if by == "pixels":
                raise
            print(f"not by codes: {error}")
            continue
        arrays |= {f"places_{by}": found.places, f"distances_{by}": found.distances}
        rows.append(model.pictures(Subset(model.training, found.places[:, 0])))
        titles.append(f"by {by}")
    path = workdir / f"nearest_{given.name}_{model.step}.png"
    return _written(path, figures.titled_rows(np.stack(rows), titles), **arrays)


MODES: dict[str, Callable[[TrainedModel, Path, Asked], list[Path]]] = {
    mode.__name__: mode for mode in (encode, decode, reconstruct, interpolate, traverse, nearest)
}


def _given(asked: Asked, model: TrainedModel, most: int | None = None) -> Given:
    return given_images(asked.images, model, most, asked.labels)


def _few(given: Given, most: int) -> int:
    """How many images are looked at one by one; it is said where not all are."""
    if len(given.names) > most:
        print(f"the first {most} of {len(given.names):,} images of {given.name}")
    return min(len(given.names), most)


def _mean_kl(model: TrainedModel, images: Images) -> np.ndarray | None:
    """Nats per latent [D] of the group that is traversed, where its KL comes apart so."""
    (latent,) = (latent for latent in model.encode(images) if latent.z.ndim == 2)
    return None if latent.kl_dims is None else np.asarray(latent.kl_dims).mean(0)


def _factors(given: Given) -> dict[str, np.ndarray]:
    """The ground truth of images that come with it."""
    source = given.images
    if not isinstance(source, Source) or not source.factor_names:
        return {}
    factors = source.factors(np.arange(len(source)))
    return {"factors": factors, "factor_names": np.asarray(source.factor_names)}


def _written(
    path: Path, picture: np.ndarray, images: np.ndarray | None = None, **arrays: np.ndarray
) -> list[Path]:
    """Write a picture and what belongs to it beside it, and say so."""
    figures.save_png(path, picture)
    written, content = [path], io.BytesIO()
    if images is not None:
        np.save(content, images)
        written.append(path.with_suffix(".npy"))
    elif arrays:
        np.savez(content, **arrays)  # type: ignore[arg-type]  # its stub takes `allow_pickle` for one
        written.append(path.with_suffix(".npz"))
    if len(written) > 1:
        write_whole(written[1], content.getvalue())
    what = "" if images is None else f" (float32 in [0, 1], {list(images.shape)})"
    print(f"written to {', '.join(map(str, written))}{what}")
    return written
