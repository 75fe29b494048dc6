"""What somebody's own pictures or arrays are: how large, how colourful, of which numbers.

A few are looked at. What is found becomes the section `data` of a configuration, where it can be
read, and set to something else.
"""

import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from vaejax.data.array_checks import check_images
from vaejax.data.array_file import array_shapes, file_and_key
from vaejax.data.array_set import beside, can_be_resized, image_array
from vaejax.data.folder import class_names
from vaejax.data.listing import Listing, pictures_by_split
from vaejax.data.opening import opened
from vaejax.runs.config import ConfigError

LOOKED_AT = 64  # pictures, or images of an array, evenly spaced
SIZE = 64  # of pictures, where none is asked for
FACTORS = ("factors", "latents_classes")  # keys of arrays that are meant without being named
FACTOR_NAMES, LABELS = "factor_names", ("labels", "label")

Values = Literal["binary", "8 bits", "numbers"]


class OwnData(NamedTuple):
    """What data are.

    Attributes:
        section: `data` of a configuration.
        image_shape: (H, W, C).
        values: of the pixels: 0 and 1, those of 8 bits, or any numbers in [0, 1].
        number: of images over all splits.
        said: the same, in words.
    """

    section: Mapping[str, Any]
    image_shape: tuple[int, int, int]
    values: Values
    number: int
    said: str


def own_data(path: str, size: str) -> OwnData:
    """What is in a folder of pictures, or in a `.npy` or `.npz` file.

    Args:
        path: of the folder or file, which may be `FILE.npz:KEY`.
        size: of the images, `64` or `HEIGHTxWIDTH`; empty for 64, or of an array its own.

    Raises:
        ConfigError: "--data: ...", or "--size: ...", with what was expected.
    """
    path, key = file_and_key(path)
    place = Path(path).expanduser()
    if not path or not place.exists():
        got = f"{path}, which does not exist" if path else "none"
        raise ConfigError(
            f"--data: expected a folder of pictures, or a .npy or .npz file of images, got {got}"
        )
    sides = _sides(size)
    try:
        if place.is_dir():
            return _of_folder(place, path, sides)
        return _of_array(place, path, key, sides)
    except ConfigError:
        raise
    except ValueError as error:
        told = str(error).removeprefix("path: ").removeprefix("images: ")
        raise ConfigError(f"--data: {told}") from error


def _sides(text: str) -> tuple[int, int] | None:
    match = re.fullmatch(r"(\d+)(?:x(\d+))?", text.strip().lower())
    if text and (match is None or int(match[1]) < 1 or (match[2] and int(match[2]) < 1)):
        raise ConfigError(f"--size: expected 64 or HEIGHTxWIDTH, as 218x178, got {text!r}")
    return (int(match[1]), int(match[2] or match[1])) if match else None


def _of_folder(place: Path, path: str, sides: tuple[int, int] | None) -> OwnData:
    with warnings.catch_warnings():  # the run says what it leaves out
        warnings.filterwarnings("ignore", "path: ")
        listings = pictures_by_split(place)
    height, width = sides or (SIZE, SIZE)
    files = [file for listing in listings.values() for file in listing.files]
    colour = looked = 0
    for file in files[:: -(-len(files) // LOOKED_AT)]:
        try:
            pixels = np.asarray(opened(file, 3).picture)
        except ValueError:  # the run names it
            continue
        looked += 1
        colour += bool((pixels != pixels[..., :1]).any())
    classes = _classes(listings)
    section = dict(
        name="folder",
        path=path,
        image_size=(height, width),
        channels=3 if colour else 1,
        labels=bool(classes),
    )
    found = f"{colour} of {looked} looked at are in colour"
    of_classes = f", {len(classes)} classes ({_listed(classes)})" if classes else ""
    said = f"{len(files):,} pictures{of_classes}, {found}"
    return OwnData(section, (height, width, 3 if colour else 1), "8 bits", len(files), said)


def _classes(listings: Mapping[str, Listing]) -> list[str]:
    """The classes of pictures, where all of them lie in sub-folders and there are several."""
    try:
        names = class_names(listings)
    except ValueError:
        return []
    return names if len(names) > 1 else []


def _of_array(place: Path, path: str, key: str | None, sides: tuple[int, int] | None) -> OwnData:
    shapes = array_shapes(place)
    keys = list(shapes)
    key = key or (_image_key(place, shapes) if len(shapes) > 1 else None)
    images = image_array(place, key)
    check_images(images)
    section: dict[str, Any] = dict(name="array", path=path, key=key)
    said = [f"{len(images):,} images{f' ({key})' if key else ''}"]
    for argument, names in (("factors", FACTORS), ("labels", LABELS)):
        name = next((name for name in names if name in keys), None)
        unfit = name and _unfit(beside(place, name, argument), argument, len(images))
        section[argument] = None if unfit else name
        if name:
            said.append(f"{argument} {name}{unfit and f' left out ({unfit})'}")
    named = section["factors"] and FACTOR_NAMES in keys
    section["factor_names"] = FACTOR_NAMES if named else None
    height, width = images.shape[1:3]
    if sides and sides != (height, width):
        if not can_be_resized(images):
            raise ConfigError(
                f"--size: expected none, as only uint8 of 1 or 3 channels is resized, for images "
                f"{list(images.shape)} of {images.dtype}, got {sides[0]}x{sides[1]}"
            )
        section["image_size"], (height, width) = sides, sides
        said.append(f"resized from {images.shape[1]} x {images.shape[2]}")
    shape = height, width, images.shape[3] if images.ndim == 4 else 1
    return OwnData(section, shape, _values(images), len(images), ", ".join(said))


def _unfit(values: np.ndarray, argument: str, number: int) -> str:
    """Why an array of a promising name is none of the factors or labels of images, or nothing."""
    kinds = "iu" if argument == "labels" else "biuf"
    axes = (1,) if argument == "labels" else (1, 2)
    fits = values.ndim in axes and len(values) == number and values.dtype.kind in kinds
    if fits and (argument == "factors" or values.min() >= 0):
        return ""
    least = ", some of them negative" * fits
    return f"{values.dtype} {list(values.shape)}{least}"


def _image_key(place: Path, shapes: Mapping[str, tuple[int, ...]]) -> str:
    """The one array of several that is of images, by its number of axes."""
    found = [key for key, shape in shapes.items() if len(shape) in (3, 4)]
    if len(found) != 1:
        got = _listed([f"{key} {list(shapes[key])}" for key in found or shapes])
        raise ValueError(
            f"expected one array of images [N, H, W] or [N, H, W, C] in {place}, or {place}:KEY to "
            f"choose by, got {got}"
        )
    return found[0]


def _values(images: np.ndarray) -> Values:
    """Which values the pixels take, in a few of the images."""
    some = np.asarray(images[:: -(-len(images) // LOOKED_AT)])
    if some.dtype == bool or np.isin(some, (0, 255) if some.dtype == np.uint8 else (0, 1)).all():
        return "binary"
    if some.dtype == np.uint8:
        return "8 bits"
    levels = some.astype(np.float64) * 255
    return "8 bits" if np.abs(levels - np.rint(levels)).max() < 1e-3 else "numbers"


def _listed(names: list[str]) -> str:
    return ", ".join(names[:4] + ["..."] * (len(names) > 4))
