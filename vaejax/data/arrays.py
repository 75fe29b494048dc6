"""Images in one array, in memory or memory-mapped."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from vaejax.data.array_checks import check_images, warn_unless_pictures
from vaejax.data.factor_levels import factor_levels
from vaejax.data.source import Raw, Source
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
        self.bits = {"u": 8, "b": 1}.get(images.dtype.kind)
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
