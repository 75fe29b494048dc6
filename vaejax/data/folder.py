"""Any folder of pictures, at any depth, in the common formats."""

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from vaejax.data.arrays import ArraySource
from vaejax.data.fitting import Aspect, fit
from vaejax.data.listing import Listing, pictures_below, pictures_by_split
from vaejax.data.picture_files import read_pictures
from vaejax.data.source import Source, Splits, Subset, holdout
from vaejax.data.transforms import Binarization, transformed


def folder(
    path: str | os.PathLike,
    *,
    image_size: int | tuple[int, int],
    crop: int | None = None,
    aspect: Aspect = "crop",
    channels: int = 3,
    labels: bool = False,
    skip_damaged: bool = False,
    standardize: bool = False,
    flip: bool = False,
    binarize: Binarization | None = None,
    bits: int = 8,
) -> Splits:
    """All pictures below a folder, in one size.

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
        image_size: pixels a side, or (height, width), resized (bilinear, antialiased).
        crop: side of the square cut from the middle of each picture first; None: the largest part
            that has the shape of the images.
        aspect: of pictures of another shape: `"crop"` cuts their edges off, `"stretch"` deforms
            them, `"pad"` puts them whole on a white page.
        channels: 3 for RGB, 1 for grey.
        labels: whether the sub-folders (of each split) are classes, numbered in the order of their
            names.
        skip_damaged: leave out files that cannot be read, and say so, in place of an error.
        standardize: per-pixel zero mean and unit variance over the train split.
        flip: random horizontal flips of the train split.
        binarize: None, `"dynamic"` or `"fixed"`, see `transforms.Binarized`.
        bits: of each pixel and channel, see `transforms.Quantized`.

    Raises:
        ValueError: there are no pictures, or damaged ones, or ones smaller than `crop`; the
            sub-folders are no whole set of splits, or `labels` are asked for and pictures lie
            beside the sub-folders.
    """
    size = fit(image_size, crop=crop, aspect=aspect)
    if channels not in (1, 3):
        raise ValueError(f"channels: expected 1 or 3, got {channels}")
    listings = pictures_by_split(Path(path).expanduser())
    names = class_names(listings) if labels else []
    sources: dict[str, Source] = {}
    for split, listing in listings.items():
        pixels, kept = read_pictures(listing, size, channels, skip_damaged=skip_damaged)
        source = ArraySource(
            pixels,
            labels=_labels(listing, names) if labels else None,
            num_labels=len(names) if labels else None,
        )
        sources[split] = source if len(kept) == len(source) else Subset(source, kept)
    splits = sources if len(sources) > 1 else holdout(*sources.values())
    return transformed(splits, standardize=standardize, flip=flip, binarize=binarize, bits=bits)


def pictures(
    path: str | os.PathLike,
    *,
    image_size: int | tuple[int, int],
    crop: int | None = None,
    aspect: Aspect = "crop",
    channels: int = 3,
    skip_damaged: bool = False,
) -> tuple[np.ndarray, list[str]]:
    """All pictures below a folder (or in one file), as `folder` reads them, and their names.

    The pictures are uint8 [N, H, W, C]; names are paths in the folder. The arguments are those of
    `folder`, whose `path` may be one picture file here.

    Raises:
        ValueError: as `folder` does.
    """
    listing = pictures_below(Path(path).expanduser())
    size = fit(image_size, crop=crop, aspect=aspect)
    pixels, kept = read_pictures(listing, size, channels, skip_damaged=skip_damaged)
    names = [str(listing.files[place].relative_to(listing.folder)) for place in kept]
    return pixels if len(kept) == len(pixels) else pixels[kept], names


def class_names(listings: Mapping[str, Listing]) -> list[str]:
    """The names of the sub-folders that pictures lie in, over all splits, sorted.

    Raises:
        ValueError: "labels: ...", a picture lies in none.
    """
    names = set()
    for listing in listings.values():
        for file in listing.files:
            first, *below = file.relative_to(listing.folder).parts
            if not below:
                raise ValueError(
                    f"labels: expected every picture in a sub-folder of {listing.folder}, which is "
                    f"its class, got {first} beside them"
                )
            names.add(first)
    return sorted(names)


def _labels(listing: Listing, names: list[str]) -> np.ndarray:
    number = {name: place for place, name in enumerate(names)}
    return np.array([number[file.relative_to(listing.folder).parts[0]] for file in listing.files])
