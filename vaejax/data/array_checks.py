"""Which arrays are images, and how bright these are; all of their values are looked at.

A wrong scale, a NaN or a transposed axis trains without complaint, and is seen in the pictures a
day later or never.
"""

import math
import mmap
import os
import warnings
from collections.abc import Iterator

import numpy as np

from vaejax.data.remembered import remembered

EXPECTED = "images: expected [N, H, W] or [N, H, W, C] of uint8, bool, or float in [0, 1]"
BLOCK = 2**18  # values looked at together: they stay in a processor's cache
FEW_CHANNELS = 5
DARK = 0.5  # share of white that the brightest pixel of a data set should reach
SAMPLE = 64  # images that are looked at first


def check_images(images: np.ndarray) -> None:
    """Raise ValueError unless `images` is an array of images as `ArraySource` takes them."""
    if not isinstance(images, np.ndarray) or isinstance(images, np.ma.MaskedArray):
        kind = type(images)
        raise ValueError(
            f"{EXPECTED}, as a NumPy array, got a {kind.__module__}.{kind.__qualname__}"
        )
    shape, dtype = images.shape, images.dtype
    if images.ndim not in (3, 4) or 0 in shape:
        raise ValueError(f"{EXPECTED}, got shape {shape}")
    if images.ndim == 4 and shape[1] <= FEW_CHANNELS < min(shape[2:]):
        raise ValueError(
            f"{EXPECTED}, got shape {shape}, channels first; images.transpose(0, 2, 3, 1) has them "
            "last"
        )
    if images.ndim == 3 and shape[2] <= FEW_CHANNELS < min(shape[:2]):
        raise ValueError(
            f"{EXPECTED}, got shape {shape}, which is that of one image [H, W, C]; images[None] is "
            "[1, H, W, C], and images[..., None] is N grey ones"
        )
    if dtype != np.uint8 and dtype.kind not in "bf":
        raise ValueError(f"{EXPECTED}, got {dtype}{_advice(dtype)}")
    if dtype.kind == "f":
        brightest(images)


def _advice(dtype: np.dtype) -> str:
    if dtype == np.uint16:
        return "; (images >> 8).astype(np.uint8) keeps the first 8 of 16 bits"
    return "; images.astype(np.uint8) where they lie in 0..255" if dtype.kind in "iu" else ""


def brightest(images: np.ndarray) -> float:
    """The largest value of images [N, ...] of uint8, bool or float.

    Of a memory-mapped file it is remembered until the file changes; nothing is loaded, several GB
    are looked at in a second.

    Raises:
        ValueError: a float is NaN or not in [0, 1]; the message names the first such image.
    """
    mapped = isinstance(images, np.memmap) and images.mode == "r"
    if mapped and isinstance(images.base, mmap.mmap):  # no part of a map, nor one written to
        layout = images.offset, images.shape, images.dtype.str, images.flags.c_contiguous
        return remembered(images.filename, ("brightest", *layout), lambda: _brightest(images))
    return _brightest(images)


def warn_unless_pictures(images: np.ndarray) -> None:
    """Warn of images of another scale: dark ones, and maps of class numbers.

    Dark is a data set whose brightest pixel is less than half of white, 255 in uint8 and 1 in
    floats. Class numbers are small and without gaps; 255, which marks pixels of no class, does not
    make them bright. All images are looked at only where some of them are so.

    Args:
        images: [N, ...] of uint8, bool, or float in [0, 1].
    """
    white = 255 if images.dtype == np.uint8 else 1
    name = getattr(images, "filename", None)
    where = f" of {os.path.basename(name)}" if name else ""
    if white == 255:
        levels = _levels(images[:: -(-len(images) // SAMPLE)])
        if levels[levels < white].max(initial=-1) < DARK * white:
            levels = _levels(images)
        classes = levels[levels < white]
        if white in levels and len(classes) >= 2 and classes[-1] < min(2 * len(classes), 128):
            warnings.warn(
                f"images: the pixels{where} are {classes[0]} to {classes[-1]}, and {white}: they "
                "look like class numbers",
                stacklevel=3,
            )
        highest: float = int(levels[-1])
    else:
        highest = brightest(images)
    if highest < DARK * white:
        meant = (
            f"; if {highest:g} is white, give images / {highest:g} as float32" if highest else ""
        )
        warnings.warn(
            f"images: the brightest pixel of all{where} is {highest:g} of {white}: they are dark"
            f"{meant}; so are class numbers, and 12 bits in 16",
            stacklevel=3,
        )


def _levels(images: np.ndarray) -> np.ndarray:
    """The values that occur in images of uint8, ascending."""
    counts = sum(np.bincount(values, minlength=256) for values in _blocks(images))
    return np.flatnonzero(counts)


def _brightest(images: np.ndarray) -> float:
    highest = 0.0
    for values in _blocks(images):
        high = _highest(values) if values.dtype.kind == "f" else float(values.max())
        if math.isnan(high):
            raise ValueError(f"{EXPECTED}, got {_first_unfit(images)}")
        highest = max(highest, high)
    return highest


def _blocks(images: np.ndarray) -> Iterator[np.ndarray]:
    """All values in native byte order, some at a time, as they lie in memory or in the file."""
    values = np.asarray(images.T if images.flags.f_contiguous else images)
    if values.flags.c_contiguous:
        flat = values.reshape(-1)  # no copy
        parts = (flat[start : start + BLOCK] for start in range(0, len(flat), BLOCK))
    else:
        some = max(1, BLOCK * len(values) // values.size)
        parts = (values[start : start + some].ravel() for start in range(0, len(values), some))
    native = values.dtype.newbyteorder("=")
    return (part.astype(native, copy=False) for part in parts)


def _highest(floats: np.ndarray) -> float:
    """The largest of floats [N], NaN if one of them is not in [0, 1].

    Positive floats are in the order of their bits read as integers; the negative, infinite and NaN
    come after 1. So one pass over integers says all, in float16 thirty times as fast as comparing.
    """
    bits = floats.view(f"u{floats.itemsize}") if floats.itemsize <= 8 else None
    if bits is not None and bits.max() <= np.ones(1, floats.dtype).view(bits.dtype)[0]:
        return float(bits.max(keepdims=True).view(floats.dtype)[0])
    if floats.dtype == np.float16:
        floats = floats.astype(np.float32)
    return float(floats.max()) if floats.min() >= 0.0 and floats.max() <= 1.0 else math.nan


def _first_unfit(images: np.ndarray) -> str:
    """The first image that holds something else than [0, 1], and from what to what."""
    for index, image in enumerate(images):
        if not np.all((image >= 0.0) & (image <= 1.0)):
            name = getattr(images, "filename", None)
            file = f" of {os.path.basename(name)}" if name else ""
            return f"floats from {image.min()} to {image.max()} in images[{index}]{file}"
    raise AssertionError("an image that was unfit is not so any more")
