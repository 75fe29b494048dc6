"""What a command is given to look at: pictures, arrays, or a split of the run's own data."""

from pathlib import Path
from typing import NamedTuple, cast

import numpy as np

from vaejax.data import Source, Splits, Subset
from vaejax.data.array_checks import check_images
from vaejax.data.array_file import absence, file_and_key, load_named, names_file
from vaejax.data.array_set import can_be_resized, resized
from vaejax.data.fitting import Aspect, Fit, fit
from vaejax.data.folder import pictures
from vaejax.data.folder_walk import SUFFIXES
from vaejax.runs.handle import TrainedModel
from vaejax.runs.passes import Images
from vaejax.runs.setup import HELD_OUT


class Given(NamedTuple):
    """Images and what they are called.

    Attributes:
        name: of all together, for the names of files that are written.
        images: as a trained model takes them.
        names: of each.
    """

    name: str
    images: Images
    names: list[str]

    def some(self, first: int, end: int) -> Images:
        """Those from one place to another, or to the end where there are fewer."""
        if isinstance(self.images, Source):
            return Subset(self.images, np.arange(first, min(end, len(self.images))))
        return self.images[first:end]


def given_images(
    text: str | None, model: TrainedModel, most: int | None = None, labels: str | None = None
) -> Given:
    """The images that `--images` names.

    Args:
        text: a folder of pictures, a picture, a `.npy` or `.npz` file (`FILE.npz:KEY` where it
            holds several arrays), or a split of the run's data; None is the held-out split.
        model: that is to see them: pictures are made as large and as colourful as its images.
        most: how many to take of the held-out split, the first; None takes all.
        labels: names an array of their classes [N], `FILE.npy` or `FILE.npz:KEY`, for models that
            look at them; a split of the run's data brings its own.

    Raises:
        ValueError: "images: ...", or "labels: ...", where there is nothing of the kind.
    """
    given = _given(text, model, most)
    if labels is None:
        return given
    if isinstance(given.images, Source):
        raise ValueError(f"labels: expected none for {given.name} of the run's own, got {labels}")
    return given._replace(images=model.prepared(given.images, named("labels", labels)))


def named(argument: str, text: str) -> np.ndarray:
    """The array that `FILE.npy` or `FILE.npz:KEY` names; in messages it is an argument's value."""
    try:
        return np.asarray(load_named(text))
    except ValueError as error:
        raise ValueError(f"{argument}: {str(error).removeprefix('path: ')}") from error


def _given(text: str | None, model: TrainedModel, most: int | None) -> Given:
    if text is None:
        splits = model.data
        name = next((name for name in HELD_OUT if name in splits), next(iter(splits)))
        count = min(len(splits[name]), most or len(splits[name]))
        return Given(name, Subset(splits[name], np.arange(count)), _numbers(count))
    if not Path(text).exists() and (split := _splits(model).get(text)) is not None:
        return Given(text, split, _numbers(len(split)))
    try:
        return _of_files(text, model)
    except ValueError as error:
        told = str(error).removeprefix("path: ").removeprefix("images: ")
        raise ValueError(f"images: {told}") from error


def _of_files(text: str, model: TrainedModel) -> Given:
    path = Path(file_and_key(text)[0]).expanduser()
    if names_file(text):
        array = _as_large(load_named(text), model)
        return Given(path.stem, array, _numbers(len(array)))
    if not path.is_dir() and path.suffix.lower() not in SUFFIXES:
        raise ValueError(
            "expected a folder of pictures, a picture, a .npy or .npz file, or one of the splits "
            f"{sorted(_splits(model))} of the run's data, got {text}{absence(path)}"
        )
    height, width, channels = model.image_shape
    if channels not in (1, 3):
        raise ValueError(
            f"expected an array of images, as those of this model are {height}x{width}x{channels}: "
            f"pictures become grey or RGB; got {text}"
        )
    size = _size(model)
    images, names = pictures(
        path,
        image_size=(height, width),
        crop=size.crop,
        aspect=size.aspect,
        channels=channels,
        skip_damaged=model.config.data.get("skip_damaged", False),
    )
    return Given(path.resolve().stem, images, names)


def _size(model: TrainedModel) -> Fit:
    """The size of a model's images, and how the data of its run came to it."""
    data = model.config.data
    aspect = cast(Aspect, data.get("aspect") or "crop")
    return fit(model.image_shape[:2], crop=data.get("crop"), aspect=aspect)


def _as_large(array: np.ndarray, model: TrainedModel) -> np.ndarray:
    """An array of images, resized where the images of the run were too; others are as they are."""
    size = _size(model)
    if array.dtype != np.uint8 or not model.config.data.get("image_size"):
        return array
    check_images(array)
    if array.shape[1:3] == (size.height, size.width) or not can_be_resized(array):
        return array
    print(f"{len(array):,} images resized from {array.shape[1]} x {array.shape[2]}")
    return np.stack([resized(image, size, place) for place, image in enumerate(array)])


def _splits(model: TrainedModel) -> Splits:
    try:
        return model.data
    except ValueError:  # a model without its data still takes files
        return {}


def _numbers(count: int) -> list[str]:
    return [str(place) for place in range(count)]
