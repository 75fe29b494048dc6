"""Any folder of pictures: PNG, JPEG and WebP files, at any depth."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vaejax.data.arrays import ArraySource, absence
from vaejax.data.decoded import cache_path, decoded
from vaejax.data.source import Source, Splits, holdout
from vaejax.data.transforms import Binarization, transformed

SUFFIXES = (".jpeg", ".jpg", ".png", ".webp")
SPLIT_NAMES = ("train", "validation", "test")


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

    Splits are the sub-folders `train`, `validation` and `test` as far as there are any; where there
    is no more than `train`, or none, a random 10 % of the pictures become `test`.

    Pictures are decoded in the first run only, into a file in `$XDG_CACHE_HOME/vaejax` (`~/.cache`)
    that is made anew when a file is added, removed or changed.

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
        ValueError: there are no pictures, or damaged ones, or ones smaller than `crop`.
    """
    for name, value in (("image_size", image_size), ("crop", crop)):
        if value is not None and value < 1:
            raise ValueError(f"{name}: expected a positive number, got {value}")
    if channels not in (1, 3):
        raise ValueError(f"channels: expected 1 or 3, got {channels}")
    root = Path(path).expanduser()
    names = [name for name in SPLIT_NAMES if (root / name).is_dir()]
    if "train" in names and len(names) > 1:
        splits = {name: _source(root / name, image_size, crop, channels) for name in names}
    else:
        only = root / "train" if "train" in names else root
        splits = holdout(_source(only, image_size, crop, channels))
    return transformed(splits, standardize=standardize, flip=flip, binarize=binarize, bits=bits)


def _source(root: Path, image_size: int, crop: int | None, channels: int) -> Source:
    files = sorted(file for file in root.rglob("*") if file.suffix.lower() in SUFFIXES)
    if not files:
        raise ValueError(
            f"path: expected a folder of {', '.join(SUFFIXES)} files, got {root}{absence(root)}"
        )
    stamps = [(str(file.relative_to(root)), *_stamp(file)) for file in files]
    cache = cache_path(f"folder-{root.name}", (stamps, image_size, crop, channels))

    def read(index: int) -> np.ndarray:
        return read_square(files[index], image_size, crop, channels)

    shape = (image_size, image_size, channels)
    return ArraySource(decoded(cache, len(files), shape, read, description=root.name))


def _stamp(file: Path) -> Sequence[int]:
    status = file.stat()
    return status.st_size, status.st_mtime_ns


def read_square(file: Path, image_size: int, crop: int | None, channels: int) -> np.ndarray:
    """The middle of a picture file, [image_size, image_size, channels] uint8, see `folder`."""
    from PIL import Image, ImageOps

    try:
        with Image.open(file) as opened:
            picture = ImageOps.exif_transpose(opened).convert("RGB" if channels == 3 else "L")
    except (OSError, SyntaxError) as error:
        raise ValueError(
            f"path: expected whole pictures, got a damaged {file} ({error})"
        ) from error
    side = crop or min(picture.size)
    if side > min(picture.size):
        raise ValueError(
            f"crop: expected at most the shorter side of every picture, got {crop} "
            f"for {file} of {picture.width} x {picture.height}"
        )
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    size, box = (image_size, image_size), (left, top, left + side, top + side)
    square = picture.crop(box).resize(size, Image.Resampling.BILINEAR)
    return np.asarray(square).reshape(image_size, image_size, channels)
