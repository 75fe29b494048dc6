"""Any folder of pictures: PNG, JPEG and WebP files, at any depth."""

import os
import warnings
from collections import Counter
from pathlib import Path

import numpy as np

from vaejax.data.arrays import ArraySource
from vaejax.data.decoded import cache_path, decoded_with_note
from vaejax.data.listing import Listing, pictures_below, pictures_by_split
from vaejax.data.opening import CHANGES, Opened, opened
from vaejax.data.remembered import stamp_of
from vaejax.data.source import Source, Splits, holdout
from vaejax.data.transforms import Binarization, transformed


def folder(
    path: str | os.PathLike,
    *,
    image_size: int,
    crop: int | None = None,
    channels: int = 3,
    standardize: bool = False,
    flip: bool = False,
    binarize: Binarization | None = None,
    bits: int = 8,
) -> Splits:
    """All pictures below a folder, as squares.

    Splits are the sub-folders `train`, `validation` (or `val`, `valid`) and `test`, in any case, as
    far as there are any; where there is no more than `train`, or none, a random 10 % of the
    pictures become `test`. What is a picture to read is told in `listing`.

    Pictures are upright as their EXIF orientation says, on white where they are transparent, and of
    16 bits the first 8; what was done to how many is said in a warning, as is what was left out.

    Pictures are decoded in the first run only, into a file in `$XDG_CACHE_HOME/vaejax` (`~/.cache`)
    that is made anew when the folder is another one or elsewhere, when a file is added, removed or
    changed, or when it has itself been damaged.

    Args:
        path: the folder.
        image_size: pixels a side, resized (bilinear, antialiased) from the crop.
        crop: side of the square cut from the middle of each picture; None: its shorter side.
        channels: 3 for RGB, 1 for grey.
        standardize: per-pixel zero mean and unit variance over the train split.
        flip: random horizontal flips of the train split.
        binarize: None, `"dynamic"` or `"fixed"`, see `transforms.Binarized`.
        bits: of each pixel and channel, see `transforms.Quantized`.

    Raises:
        ValueError: there are no pictures, or damaged ones, or ones smaller than `crop`; the
            sub-folders are no whole set of splits.
    """
    for name, value in (("image_size", image_size), ("crop", crop)):
        if value is not None and value < 1:
            raise ValueError(f"{name}: expected a positive number, got {value}")
    if channels not in (1, 3):
        raise ValueError(f"channels: expected 1 or 3, got {channels}")
    listings = pictures_by_split(Path(path).expanduser())
    sources: dict[str, Source] = {
        split: ArraySource(_pixels(listing, image_size, crop, channels))
        for split, listing in listings.items()
    }
    splits = sources if len(sources) > 1 else holdout(*sources.values())
    return transformed(splits, standardize=standardize, flip=flip, binarize=binarize, bits=bits)


def pictures(
    path: str | os.PathLike, *, image_size: int, crop: int | None = None, channels: int = 3
) -> tuple[np.ndarray, list[str]]:
    """All pictures below a folder (or in one file), as `folder` reads them, and their names.

    The pictures are uint8 [N, H, W, C]; names are paths in the folder.

    Args:
        path: the folder, or one picture file.
        image_size: as of `folder`.
        crop: as of `folder`.
        channels: as of `folder`.

    Raises:
        ValueError: as `folder` does.
    """
    listing = pictures_below(Path(path).expanduser())
    names = [str(file.relative_to(listing.folder)) for file in listing.files]
    return _pixels(listing, image_size, crop, channels), names


def _pixels(listing: Listing, image_size: int, crop: int | None, channels: int) -> np.ndarray:
    root, files = listing
    stamps = [(str(file.relative_to(root)), *stamp_of(file)) for file in files]
    key = os.path.realpath(root), stamps, image_size, crop, channels
    cache = cache_path(f"folder-{root.name}", key)
    changes: dict[int, tuple[str, ...]] = {}

    def read(index: int) -> np.ndarray:
        square = read_square(files[index], image_size, crop, channels)
        changes[index] = square.changes
        return np.asarray(square.picture).reshape(image_size, image_size, channels)

    def summary() -> str:  # found where the pictures are decoded, and said in every run
        counts = Counter(change for some in changes.values() for change in some)
        return ", ".join(f"{counts[change]} {change}" for change in CHANGES if counts[change])

    shape = (image_size, image_size, channels)
    pixels, told = decoded_with_note(cache, len(files), shape, read, summary, description=root.name)
    if told:
        warnings.warn(f"path: of {len(files)} pictures in {root}: {told}", stacklevel=3)
    return pixels


def read_square(file: Path, image_size: int, crop: int | None, channels: int) -> Opened:
    """The middle of a picture file, of `image_size` pixels a side, see `folder`."""
    from PIL import Image

    try:
        picture, changes = opened(file, channels)
    except ValueError as error:
        raise ValueError(f"path: {error}") from error
    side = crop or min(picture.size)
    if side > min(picture.size):
        raise ValueError(
            f"crop: expected at most the shorter side of every picture, got {crop} "
            f"for {file} of {picture.width} x {picture.height}"
        )
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    size, box = (image_size, image_size), (left, top, left + side, top + side)
    square = picture.crop(box).resize(size, Image.Resampling.BILINEAR)
    return Opened(square, changes)
