"""What a command is given to look at: pictures, arrays, or a split of the run's own data."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from vaejax.data import Source, Splits, Subset
from vaejax.data.array_file import absence, load_array
from vaejax.data.folder import pictures
from vaejax.data.folder_walk import SUFFIXES
from vaejax.runs.handle import TrainedModel
from vaejax.runs.passes import Images
from vaejax.runs.setup import HELD_OUT

ARRAYS = (".npy", ".npz")


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


def given_images(text: str | None, model: TrainedModel, most: int | None = None) -> Given:
    """The images that `--images` names.

    Args:
        text: a folder of pictures, a picture, a `.npy` or `.npz` file (`FILE.npz:KEY` where it
            holds several arrays), or a split of the run's data; None is the held-out split.
        model: that is to see them: pictures are made as large and as colourful as its images.
        most: how many to take of the held-out split, the first; None takes all.

    Raises:
        ValueError: "images: ...", where there is nothing of the kind.
    """
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
        raise ValueError(f"images: {str(error).removeprefix('path: ')}") from error


def _of_files(text: str, model: TrainedModel) -> Given:
    file, key = text, None
    if ".npz:" in text.lower():
        file, key = text.rsplit(":", 1)
    path = Path(file).expanduser()
    if path.suffix.lower() in ARRAYS:
        array = load_array(path, key)
        return Given(path.stem, array, _numbers(len(array)))
    if not path.is_dir() and path.suffix.lower() not in SUFFIXES:
        raise ValueError(
            "expected a folder of pictures, a picture, a .npy or .npz file, or one of the splits "
            f"{sorted(_splits(model))} of the run's data, got {text}{absence(path)}"
        )
    height, width, channels = model.image_shape
    if height != width or channels not in (1, 3):
        raise ValueError(
            f"expected an array of images, as those of this model are {height}x{width}x{channels}: "
            f"pictures become squares, grey or RGB; got {text}"
        )
    crop = model.config.data.get("crop")
    images, names = pictures(path, image_size=height, crop=crop, channels=channels)
    return Given(path.resolve().stem, images, names)


def _splits(model: TrainedModel) -> Splits:
    try:
        return model.data
    except ValueError:  # a model without its data still takes files
        return {}


def _numbers(count: int) -> list[str]:
    return [str(place) for place in range(count)]
