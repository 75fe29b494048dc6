"""Decode pictures once, then read them as fast as the disk gives bytes.

JPEG and PNG cost a CPU core about a millisecond a picture, more than a small VAE's training step.
So a folder or an archive is decoded once into a uint8 `.npy` file that every later run memory-maps,
after comparing its checksums at some GB a second.
"""

import hashlib
import os
import uuid
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from vaejax.data.cache_file import CacheFile
from vaejax.data.remembered import cache_folder


def cache_path(name: str, key: object) -> Path:
    """Where the decoded pictures of a data set lie, in `cache_folder()`.

    Args:
        name: name of the data set, so that people know what they may delete.
        key: everything the pixels depend on (files, sizes, times, crop), with a stable `repr`.
    """
    digest = hashlib.sha256(repr(key).encode()).hexdigest()[:16]
    return cache_folder() / f"{name}-{digest}.npy"


def decoded(
    path: Path,
    num_images: int,
    image_shape: tuple[int, ...],
    read: Callable[[int], np.ndarray],
    *,
    description: str,
    key: object = None,
) -> np.ndarray:
    """All pictures [N, H, W, C] uint8, memory-mapped from `path`, which is made if need be.

    As `decoded_with_note`, of which the rest is told there.
    """
    return decoded_with_note(
        path, num_images, image_shape, read, lambda: "", description=description, key=key
    )[0]


def decoded_with_note(
    path: Path,
    num_images: int,
    image_shape: tuple[int, ...],
    read: Callable[[int], np.ndarray],
    note: Callable[[], str],
    *,
    description: str,
    key: object = None,
) -> tuple[np.ndarray, str]:
    """All pictures [N, H, W, C] uint8, memory-mapped, and the note that was written with them.

    The file appears whole or not at all: it is written beside `path` and renamed at the end, so an
    interrupted run, or several processes at once, leave no half-filled cache. A file that is there
    but not as it was written is said to be so in a warning, and made again.

    Args:
        path: the `.npy` file.
        num_images: N.
        image_shape: (H, W, C), or the shape of whatever else `read` makes.
        read: picture [H, W, C] of integers in 0..255 of an index in [0, N); called from several
            threads.
        note: what is to be said of the pictures, asked once all are read; kept in the same file.
        description: what the progress bar calls the work.
        key: what the pixels depend on that `path` does not tell, with a stable `repr`.

    Raises:
        ValueError: `read` raises it, or makes something else than such a picture.
    """
    if num_images < 1:
        raise ValueError(f"{description}: expected at least one picture, got none")
    cache = CacheFile(path, (num_images, *image_shape), key)
    problem = cache.problem() if path.exists() else None
    if problem:
        warnings.warn(f"{path} {problem}; what it holds is decoded again", stacklevel=2)
    if problem or not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f"{path.name}.{uuid.uuid4().hex}.tmp")
        try:
            _decode(cache, unfinished, read, note, description)
            os.replace(unfinished, path)
        finally:
            unfinished.unlink(missing_ok=True)
    return cache.pixels(), cache.note()


def _decode(
    cache: CacheFile,
    path: Path,
    read: Callable[[int], np.ndarray],
    note: Callable[[], str],
    description: str,
) -> None:
    from tqdm import tqdm

    num_images, *image_shape = cache.shape
    with tqdm(total=num_images, desc=description, unit="image") as progress:

        def make(block: range) -> np.ndarray:
            pixels = np.empty((len(block), *image_shape), np.uint8)
            for place, index in enumerate(block):
                pixels[place] = _checked(read(index), pixels.shape[1:], f"{description}, {index}")
            progress.update(len(block))
            return pixels

        cache.write(path, make, note)  # threads are enough: PIL decodes and resizes without the GIL


def _checked(picture: np.ndarray, shape: tuple[int, ...], name: str) -> np.ndarray:
    """A picture, unless putting it into its place would stretch it or cut its values."""
    if np.shape(picture) != shape:
        raise ValueError(f"{name}: expected shape {shape}, got {np.shape(picture)}")
    picture = np.asarray(picture)
    if picture.dtype.kind not in "biu":
        raise ValueError(f"{name}: expected integers, got {picture.dtype}")
    if picture.dtype != np.uint8 and not 0 <= picture.min() <= picture.max() <= 255:
        raise ValueError(f"{name}: expected 0 to 255, got {picture.min()} to {picture.max()}")
    return picture
