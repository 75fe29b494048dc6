"""Decode pictures once, then read them as fast as the disk gives bytes.

JPEG and PNG cost a CPU core about a millisecond a picture, more than a small VAE's training step.
So a folder or an archive is decoded once into a uint8 `.npy` file that every later run memory-maps.
"""

import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np


def cache_path(name: str, key: object) -> Path:
    """Where the decoded pictures of a data set lie, below `$XDG_CACHE_HOME` (`~/.cache`).

    Args:
        name: name of the data set, so that people know what they may delete.
        key: everything the pixels depend on (files, sizes, times, crop), with a stable `repr`.
    """
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    digest = hashlib.sha256(repr(key).encode()).hexdigest()[:16]
    return root / "vaejax" / "data" / f"{name}-{digest}.npy"


def decoded(
    path: Path,
    num_images: int,
    image_shape: tuple[int, ...],
    read: Callable[[int], np.ndarray],
    *,
    description: str,
) -> np.ndarray:
    """All pictures [N, H, W, C] uint8, memory-mapped from `path`, which is made if need be.

    The file appears whole or not at all: it is written beside `path` and renamed at the end, so an
    interrupted run, or several processes at once, leave no half-filled cache.

    Args:
        path: the `.npy` file; one of another shape, or a damaged one, is replaced.
        num_images: N.
        image_shape: (H, W, C), or the shape of whatever else `read` makes.
        read: picture [H, W, C] uint8 of an index in [0, N); called from several threads.
        description: what the progress bar calls the work.
    """
    shape = (num_images, *image_shape)
    pixels = _opened(path, shape)
    if pixels is None:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f"{path.name}.{os.getpid()}.tmp")
        try:
            _write(unfinished, shape, read, description)
            os.replace(unfinished, path)
        finally:
            unfinished.unlink(missing_ok=True)
        pixels = np.load(path, mmap_mode="r")
    return pixels


def _opened(path: Path, shape: tuple[int, ...]) -> np.ndarray | None:
    try:
        pixels = np.load(path, mmap_mode="r")
    except (FileNotFoundError, EOFError, ValueError):  # absent, empty, or cut short
        return None
    return pixels if pixels.shape == shape and pixels.dtype == np.uint8 else None


def _write(
    path: Path, shape: tuple[int, ...], read: Callable[[int], np.ndarray], description: str
) -> None:
    from tqdm import tqdm

    pixels = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)

    def fill(indices: range) -> int:
        for index in indices:
            pixels[index] = read(index)
        return len(indices)

    # Threads are enough: PIL releases the GIL while it decodes and resizes.
    blocks = [range(i, min(i + 64, len(pixels))) for i in range(0, len(pixels), 64)]
    with (
        ThreadPoolExecutor(os.cpu_count()) as pool,
        tqdm(total=len(pixels), desc=description, unit="image") as progress,
    ):
        try:
            for count in pool.map(fill, blocks):
                progress.update(count)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    pixels.flush()
