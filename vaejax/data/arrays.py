"""Images in one array, in memory or memory-mapped, and the data set `array` of such a file."""

import os
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from vaejax.data.source import Raw, Source, Splits, holdout
from vaejax.data.transforms import Binarization, transformed
from vaejax.types import Array


class ArraySource(Source):
    """Images in an array.

    Args:
        images: [N, H, W] or [N, H, W, C]: uint8 in 0..255, bool, or float in [0, 1]. A memory map
            stays one: a batch is gathered with ascending reads.
        factors: ground-truth factor values [N, F] integers, if known.
        factor_names: F names.
        factor_sizes: F numbers of values.

    Raises:
        ValueError: `images` is none of these, or its length differs from that of `factors`.
    """

    def __init__(
        self,
        images: np.ndarray,
        *,
        factors: np.ndarray | None = None,
        factor_names: Sequence[str] = (),
        factor_sizes: Sequence[int] = (),
    ):
        _check_images(images)
        self._images = images if images.ndim == 4 else images[..., None]  # [N, H, W, C]
        self.image_shape = self._images.shape[1:]
        self.bits = 8 if images.dtype == np.uint8 else None
        if factors is not None and factors.shape != (len(images), len(factor_names)):
            raise ValueError(
                f"factors: expected shape {(len(images), len(factor_names))}, got {factors.shape}"
            )
        self._factors = factors
        self.factor_names = tuple(factor_names)
        self.factor_sizes = tuple(factor_sizes)

    def __len__(self) -> int:
        return len(self._images)

    def fetch(self, indices: np.ndarray) -> Raw:
        dtype = np.float32 if self._images.dtype.kind == "f" else self._images.dtype
        batch = np.empty((len(indices), *self.image_shape), dtype)
        order = np.argsort(indices)
        batch[order] = self._images[indices[order]]
        return {"image": batch}

    def decode(self, raw: Raw, rng: Array) -> Array:
        if self._images.dtype == np.uint8:
            return super().decode(raw, rng)
        return raw["image"].astype(jnp.float32)

    def factors(self, indices: np.ndarray) -> np.ndarray:
        if self._factors is None:
            return super().factors(indices)
        return self._factors[indices].astype(np.int32)


def _check_images(images: np.ndarray) -> None:
    expected = "images: expected [N, H, W] or [N, H, W, C] of uint8, bool, or float in [0, 1]"
    if images.ndim not in (3, 4) or 0 in images.shape:
        raise ValueError(f"{expected}, got shape {images.shape}")
    if images.dtype != np.uint8 and images.dtype.kind not in "bf":
        raise ValueError(f"{expected}, got {images.dtype}")
    if images.dtype.kind == "f":
        low, high = _some(images).min(), _some(images).max()
        if not 0.0 <= low <= high <= 1.0:
            raise ValueError(f"{expected}, got floats from {low} to {high}")


def _some(images: np.ndarray) -> np.ndarray:
    """Enough images to see a wrong scale, without reading a file larger than memory."""
    return images[:: max(1, len(images) // 64)]


def array(
    path: str | os.PathLike,
    *,
    key: str | None = None,
    standardize: bool = False,
    flip: bool = False,
    binarize: Binarization | None = None,
) -> Splits:
    """Images of a `.npy` (memory-mapped) or `.npz` file; splits `train` (90 %) and `test` (10 %).

    Args:
        path: the file; its images are as `ArraySource` takes them.
        key: which array of a `.npz`; may be left out where there is only one.
        standardize: per-pixel zero mean and unit variance over the train split.
        flip: random horizontal flips of the train split.
        binarize: None, `"dynamic"` or `"fixed"`, see `transforms.Binarized`.

    Raises:
        ValueError: the file is missing, damaged, or holds no images.
    """
    images = load_array(path, key)
    try:
        source = ArraySource(images)
    except ValueError as error:
        raise ValueError(f"path: expected a file of images, got {path}: {error}") from None
    if images.dtype == np.uint8 and _some(images).max() <= 1:
        raise ValueError(
            f"path: expected grey values up to 255, or a binary set as bool, in {path}, "
            "got uint8 of 0 and 1 only"
        )
    return transformed(holdout(source), standardize=standardize, flip=flip, binarize=binarize)


def load_array(path: str | os.PathLike, key: str | None = None) -> np.ndarray:
    """The array of a `.npy` (memory-mapped) or the array `key` of a `.npz` file.

    Raises:
        ValueError: the file is missing or damaged, or there is no such key.
    """
    path = Path(path).expanduser()
    if path.suffix not in (".npy", ".npz") or not path.is_file():
        raise ValueError(f"path: expected a .npy or .npz file, got {path}{absence(path)}")
    try:
        if path.suffix == ".npy":
            return np.load(path, mmap_mode="r")
        with np.lib.npyio.NpzFile(path) as arrays:
            names = arrays.files
            if key is None and len(names) == 1:
                key = names[0]
            if key in names:
                return arrays[key]
    except (EOFError, OSError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"path: expected a whole file, got a damaged {path} ({error})") from error
    expected = f"an array {key!r}" if key else "one array, or a key to choose by,"
    raise ValueError(f"path: expected {expected} in {path}, got {names}")


def absence(path: Path) -> str:
    """The end of an error message: whether there is anything at a path."""
    return "" if path.exists() else ", which does not exist"
