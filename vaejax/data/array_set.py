"""The data set `array`: images in a file, with what else the file knows of them."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vaejax.data.array_checks import brightest, check_images
from vaejax.data.array_file import array_shapes, load_array, load_named, names_file
from vaejax.data.arrays import ArraySource
from vaejax.data.decoded import cache_path, decoded
from vaejax.data.fitting import Aspect, Fit, fit
from vaejax.data.remembered import stamp_of
from vaejax.data.source import Splits, holdout
from vaejax.data.transforms import Binarization, transformed


def array(
    path: str | os.PathLike,
    *,
    key: str | None = None,
    factors: str | None = None,
    factor_names: str | Sequence[str] | None = None,
    labels: str | None = None,
    image_size: int | tuple[int, int] | None = None,
    aspect: Aspect = "crop",
    standardize: bool = False,
    flip: bool = False,
    binarize: Binarization | None = None,
    bits: int = 8,
) -> Splits:
    """Images of a `.npy` (memory-mapped) or `.npz` file; splits `train` (90 %) and `test` (10 %).

    Integers of 0 and 1 only are binary images, 1 is white: the file of dSprites is such.

    Args:
        path: the file; its images are as `ArraySource` takes them.
        key: which array of a `.npz` they are; may be left out where there is only one.
        factors: ground-truth factors [N, F] or [N]: a key of the same `.npz`, a `.npy` file, or
            `FILE.npz:KEY`. How values become levels is told in `factor_levels`.
        factor_names: F names, as a sequence or as text with commas between; or a key of an array
            of them. By default `factor_0`, ...; of a single factor, its key.
        labels: classes [N] from 0, as `factors` are named.
        image_size: pixels a side, or (height, width), to which uint8 images of 1 or 3 channels are
            resized, once, into a file as `folder` has; None leaves them as they are.
        aspect: of images of another shape, as in `folder`.
        standardize: per-pixel zero mean and unit variance over the train split.
        flip: random horizontal flips of the train split.
        binarize: None, `"dynamic"` or `"fixed"`, see `transforms.Binarized`.
        bits: of each pixel and channel of uint8 images, see `transforms.Quantized`.

    Raises:
        ValueError: the file is missing, damaged, or holds no images, or factors or labels that do
            not fit them.
    """
    path = Path(path).expanduser()
    images = image_array(path, key)
    if factor_names is not None and factors is None:
        raise ValueError(f"factors: expected the factors called {factor_names}, got none")
    known: dict[str, Any] = {}
    if factors is not None:
        known |= _factors(path, factors, factor_names)
    if labels is not None:
        known["labels"] = beside(path, labels, "labels")
    size = None if image_size is None else fit(image_size, aspect=aspect)
    try:
        check_images(images)
        images = images if size is None else _resized(images, size, path, key)
        source = ArraySource(images, **known)
    except ValueError as error:
        if str(error).split(":")[0] in ("factors", "image_size", "labels"):
            raise
        raise ValueError(f"path: expected a file of images, got {path}: {error}") from None
    if bits != 8 and images.dtype != np.uint8:
        raise ValueError(f"bits: expected 8 for images of {images.dtype}, got {bits}")
    splits = holdout(source)
    return transformed(splits, standardize=standardize, flip=flip, binarize=binarize, bits=bits)


def image_array(path: Path, key: str | None = None) -> np.ndarray:
    """The images in a file, as `ArraySource` takes them, in so far as they are images.

    Integers of 0 and 1 only become bool.

    Args:
        path: of the file.
        key: as of `array`.

    Raises:
        ValueError: the file is missing, damaged, or holds several arrays and there is no `key`.
    """
    images = load_array(path, key)
    if images.dtype == np.uint8 and images.size and brightest(images) <= 1:
        return images.view(np.bool_)  # the same bytes: a memory map stays one
    return images


def beside(path: Path, name: str, argument: str) -> np.ndarray:
    """An array that goes with the images of a file: in the same `.npz`, or in a file of its own.

    Args:
        path: of the images.
        name: a key, a `.npy` file, or `FILE.npz:KEY`.
        argument: whose value `name` is, for messages.
    """
    try:
        return load_named(name) if names_file(name) else load_array(path, name)
    except ValueError as error:
        raise ValueError(f"{argument}: {str(error).removeprefix('path: ')}") from error


def _factors(path: Path, name: str, names: str | Sequence[str] | None) -> dict[str, Any]:
    """The arguments of `ArraySource` for factors."""
    values = np.asarray(beside(path, name, "factors"))
    if values.ndim == 1:
        values = values[:, None]
    count = values.shape[1] if values.ndim == 2 else 0
    if isinstance(names, str) and names in array_shapes(path):
        found = beside(path, names, "factor_names").ravel().tolist()
        names = [text.decode() if isinstance(text, bytes) else str(text) for text in found]
    elif isinstance(names, str):
        names = [text.strip() for text in names.split(",")]
    elif names is None:
        names = [name] if count == 1 else [f"factor_{place}" for place in range(count)]
    if len(names) != count:
        raise ValueError(
            f"factor_names: expected a name for each of the {count} columns of {name}, got "
            f"{', '.join(names)}"
        )
    return {"factors": values, "factor_names": names}


def _resized(images: np.ndarray, size: Fit, path: Path, key: str | None) -> np.ndarray:
    """Images [N, H, W, C] of another size, memory-mapped from a file made once."""
    if images.shape[1:3] == (size.height, size.width):
        return images
    if not can_be_resized(images):
        raise ValueError(
            f"image_size: expected None for images {list(images.shape)} of {images.dtype}, got "
            f"{size.height} x {size.width}: only uint8 of 1 or 3 channels are resized"
        )
    channels = images.shape[3] if images.ndim == 4 else 1
    cache = cache_path(f"array-{path.stem}", (os.path.realpath(path), stamp_of(path), key, size))
    shape = (size.height, size.width, channels)

    def read(index: int) -> np.ndarray:
        return resized(images[index], size, f"image {index}")

    return decoded(cache, len(images), shape, read, description=path.name)


def can_be_resized(images: np.ndarray) -> bool:
    """Whether images [N, H, W] or [N, H, W, C] can become larger or smaller ones."""
    return images.dtype == np.uint8 and (images.ndim == 3 or images.shape[3] in (1, 3))


def resized(image: np.ndarray, size: Fit, name: object) -> np.ndarray:
    """An image [H, W] or [H, W, C] of uint8, 1 or 3 channels, in another size, [H, W, C]."""
    from PIL import Image

    grey = image.ndim == 2 or image.shape[2] == 1
    picture = Image.fromarray(image.reshape(image.shape[:2]) if grey else image)
    return np.asarray(size(picture, name)).reshape(size.height, size.width, -1)
