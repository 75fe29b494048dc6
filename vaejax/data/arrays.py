"""Images in one array, in memory or memory-mapped, and the data set `array` of such a file."""

import os
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from vaejax.data.array_checks import brightest, check_images, warn_unless_pictures
from vaejax.data.array_file import load_array
from vaejax.data.factor_levels import factor_levels
from vaejax.data.source import Raw, Source, Splits, holdout
from vaejax.data.transforms import Binarization, transformed
from vaejax.types import AnyArray, Array, Batch


class ArraySource(Source):
    """Images in an array.

    Args:
        images: [N, H, W] or [N, H, W, C]: uint8 in 0..255, bool, or float in [0, 1]. A memory map
            stays one: a batch is gathered with ascending reads. Floats are looked at one and all,
            and a warning says what looks dark, or like class numbers.
        factors: ground-truth factor values [N, F], if known; how they become levels is told in
            `factor_levels`.
        factor_names: F names.
        factor_sizes: F numbers of levels; by default what the values need.
        labels: classes [N] integers from 0, if known.
        num_labels: number of classes; by default what the labels need.

    Raises:
        ValueError: `images` is none of these (the message names the first image with a NaN or a
            value outside [0, 1]), or `factors` or `labels` do not fit.
    """

    def __init__(
        self,
        images: AnyArray,
        *,
        factors: np.ndarray | None = None,
        factor_names: Sequence[str] = (),
        factor_sizes: Sequence[int] = (),
        labels: np.ndarray | None = None,
        num_labels: int | None = None,
    ):
        images = np.asarray(images) if isinstance(images, jax.Array) else images
        check_images(images)
        warn_unless_pictures(images)
        self._images = images if images.ndim == 4 else images[..., None]  # [N, H, W, C]
        self.image_shape = self._images.shape[1:]
        self.bits = 8 if images.dtype == np.uint8 else None
        self.factor_names = tuple(factor_names)
        self.factor_sizes = tuple(factor_sizes)
        self._factors = None
        if factors is not None:
            self._factors, self.factor_sizes = factor_levels(
                factors, self.factor_names, self.factor_sizes, len(images)
            )
        self._labels = None
        if labels is not None:
            self._labels, self.num_labels = _checked_labels(labels, num_labels, len(images))

    def __len__(self) -> int:
        return len(self._images)

    def fetch(self, indices: np.ndarray) -> Raw:
        dtype = np.float32 if self._images.dtype.kind == "f" else self._images.dtype
        batch = np.empty((len(indices), *self.image_shape), dtype)
        order = np.argsort(indices)
        batch[order] = self._images[indices[order]]
        known = {"factors": self._factors, "label": self._labels}
        rest = {name: array[indices] for name, array in known.items() if array is not None}
        return {"image": batch, **rest}

    def decode(self, raw: Raw, rng: Array) -> Batch:
        if self._images.dtype == np.uint8:
            return super().decode(raw, rng)
        return {**raw, "image": raw["image"].astype(jnp.float32)}

    def factors(self, indices: np.ndarray) -> np.ndarray:
        if self._factors is None:
            return super().factors(indices)
        return self._factors[indices]


def _checked_labels(
    labels: np.ndarray, num_labels: int | None, num_images: int
) -> tuple[np.ndarray, int]:
    """Labels int32 [N] and the number of classes."""
    labels = np.asarray(labels)
    if labels.shape != (num_images,) or labels.dtype.kind not in "iu":
        raise ValueError(
            f"labels: expected integers [{num_images}], got {labels.dtype} {labels.shape}"
        )
    most = int(labels.max()) + 1 if num_labels is None else num_labels
    if not 0 <= labels.min() <= labels.max() < most:
        raise ValueError(
            f"labels: expected values in [0, {most}), got {labels.min()} .. {labels.max()}"
        )
    return labels.astype(np.int32), most


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
    if images.dtype == np.uint8 and images.size and brightest(images) <= 1:
        raise ValueError(
            f"path: expected grey values up to 255, or a binary set as bool, in {path}, "
            "got uint8 of 0 and 1 only"
        )
    try:
        source = ArraySource(images)
    except ValueError as error:
        raise ValueError(f"path: expected a file of images, got {path}: {error}") from None
    return transformed(holdout(source), standardize=standardize, flip=flip, binarize=binarize)
