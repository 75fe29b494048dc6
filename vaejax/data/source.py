"""The random-access protocol that every data set speaks, and what can be built on it alone.

A source has two halves. `fetch` runs on the host and gathers a whole batch of raw records at once
(bytes from a file, or nothing but factors where images are rendered); `decode` is a pure function
that runs under `jit` on the device and turns them into a batch: images, and labels and factors
where they are known. So what crosses to the device is small (uint8, or indices), and everything
random in a batch is a function of one key.
"""

import copy
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vaejax.data.facts import Facts
from vaejax.data.permutation import keyed_permutation
from vaejax.data.pixel_statistics import pixel_statistics
from vaejax.types import AnyArray, Array, Batch

Raw = Mapping[str, Any]
"""Raw records: arrays with leading axis B; a wrapper nests those of the source that it wraps."""

HOLDOUT_STREAM = 2**64 - 1
"""Second key word of the train/test split: no epoch of the loader ever has this number."""


class Source:
    """Random access to images; subclasses implement `__len__` and `fetch`.

    Attributes:
        image_shape: (H, W, C) of one image.
        factor_names: names of the ground-truth factors of variation, empty where unknown.
        factor_sizes: number of values of each factor, in the order of `factor_names`.
        num_labels: number of classes of `label`; None where images have no labels.
        in_unit_interval: whether images lie in [0, 1]; not so once they are standardised.
        bits: pixels take the 2^bits values i / (2^bits - 1); None where they may take others.
    """

    image_shape: tuple[int, int, int]
    factor_names: tuple[str, ...] = ()
    factor_sizes: tuple[int, ...] = ()
    num_labels: int | None = None
    in_unit_interval: bool = True
    bits: int | None = None

    def __len__(self) -> int:
        raise NotImplementedError

    def fetch(self, indices: np.ndarray) -> Raw:
        """Raw records of `indices` [B] as host arrays with leading axis B."""
        raise NotImplementedError

    def decode(self, raw: Raw, rng: Array) -> Batch:
        """`image` [B, H, W, C] float32, and all else that a record holds; pure and traceable.

        Every image is a function of its own record and of `rng`, never of its place in the batch:
        devices and processes decode their own rows, and together make the same global batch.

        Args:
            raw: what `fetch` returned.
            rng: key for what is random in the images (flips, binarisation), see `example_keys`.
        """
        del rng
        return {**raw, "image": raw["image"].astype(jnp.float32) / 255.0}

    def batch(self, indices: np.ndarray, rng: Array | None = None) -> Batch:
        """All that is known of the examples `indices` [B], as a step is given it."""
        indices = np.asarray(indices)
        return complete(
            self, self.fetch(indices), jax.random.key(0) if rng is None else rng, indices
        )

    def images(self, indices: np.ndarray, rng: Array | None = None) -> Array:
        """Images [B, H, W, C] float32 of `indices` [B]."""
        return self.batch(indices, rng)["image"]

    def abstract_batch(self, batch_size: int) -> Batch:
        """The shapes of a batch of so many examples; a single record is fetched for them."""
        one = self.fetch(np.zeros(1, np.int64))
        raw = jax.tree.map(lambda x: jax.ShapeDtypeStruct((batch_size, *x.shape[1:]), x.dtype), one)

        def make(raw: Raw, rng: Array) -> Batch:
            return complete(self, raw, rng, jnp.arange(batch_size))

        return jax.eval_shape(make, raw, jax.random.key(0))

    def facts(self) -> Mapping[str, Any]:
        """What models and objectives may ask of the data, by the names of their arguments.

        `image_shape`, `num_examples`, `num_labels` and `pixel_means` (the mean image as H * W * C
        numbers), as far as they are known.
        """
        known: dict[str, Callable[[], Any]] = {"image_shape": lambda: tuple(self.image_shape)}
        if self.num_labels is not None:
            known["num_labels"] = lambda: self.num_labels
        if len(self):
            known["num_examples"] = lambda: len(self)
            known["pixel_means"] = lambda: tuple(self.pixel_means().ravel().tolist())
        return Facts(known)

    def pixel_means(self) -> np.ndarray:
        """The mean image [H, W, C]; where images are drawn, of one draw of each."""
        return pixel_statistics(self)[0]

    def factors(self, indices: np.ndarray) -> np.ndarray:
        """Ground-truth factor values [B, F] int32 of `indices` [B]."""
        raise ValueError(f"factors: {type(self).__name__} has no ground-truth factors")

    def pictures(self, images: Array) -> Array:
        """Images as they are looked at, [..., H, W, C] in [0, 1]; undoes what `decode` changed."""
        return jnp.clip(images, 0.0, 1.0)

    def alike(self, images: "Source") -> "Source":
        """Other images of this shape, prepared as these are: what a trained model is to be given.

        Only what a model has to see is done to them (fewer bits, binarised, standardised); what
        adds variety (flips, random colours) is not.
        """
        return images


Splits = Mapping[str, Source]
"""What a data set function returns: its sources by split name (`train`, `validation`, `test`)."""


def complete(source: Source, raw: Raw, rng: Array, index: AnyArray, **more: AnyArray) -> Batch:
    """The batch of raw records: what the source makes of them, and which they are; traceable.

    Whoever makes batches makes them here: the loader, resident data, restoring.

    Args:
        source: whose records they are.
        raw: what `fetch` returned.
        rng: key of what is random in the images.
        index: [B], places in `source`.
        **more: further arrays [B, ...] that the batch is to hold.
    """
    index = jnp.asarray(index, jnp.int32)
    return {"position": jnp.arange(len(index)), **source.decode(raw, rng), "index": index, **more}


class Wrapper(Source):
    """A source around a source; a subclass overrides what it changes."""

    def __init__(self, source: Source):
        self.source = source
        self.image_shape = source.image_shape
        self.factor_names = source.factor_names
        self.factor_sizes = source.factor_sizes
        self.num_labels = source.num_labels
        self.in_unit_interval = source.in_unit_interval
        self.bits = source.bits

    def __len__(self) -> int:
        return len(self.source)

    def fetch(self, indices: np.ndarray) -> Raw:
        return self.source.fetch(indices)

    def decode(self, raw: Raw, rng: Array) -> Batch:
        return self.source.decode(raw, rng)

    def factors(self, indices: np.ndarray) -> np.ndarray:
        return self.source.factors(indices)

    def pictures(self, images: Array) -> Array:
        return self.source.pictures(images)

    def alike(self, images: Source) -> Source:
        wrapped = copy.copy(self)
        wrapped.source = self.source.alike(images)
        wrapped.factor_names, wrapped.factor_sizes = images.factor_names, images.factor_sizes
        wrapped.num_labels = images.num_labels
        return wrapped


class Subset(Wrapper):
    """Some examples of a source, in the order given.

    Args:
        source: where the examples come from.
        indices: their positions there, [N] integers.
    """

    def __init__(self, source: Source, indices: np.ndarray):
        super().__init__(source)
        self.indices = np.asarray(indices)
        if self.indices.ndim != 1 or not np.issubdtype(self.indices.dtype, np.integer):
            raise ValueError(
                f"indices: expected integers [N], got {self.indices.dtype} {self.indices.shape}"
            )
        if len(self.indices) and not 0 <= self.indices.min() <= self.indices.max() < len(source):
            raise ValueError(
                f"indices: expected values in [0, {len(source)}), "
                f"got {self.indices.min()} .. {self.indices.max()}"
            )

    def __len__(self) -> int:
        return len(self.indices)

    def fetch(self, indices: np.ndarray) -> Raw:
        return self.source.fetch(self.indices[indices])

    def factors(self, indices: np.ndarray) -> np.ndarray:
        return self.source.factors(self.indices[indices])

    def alike(self, images: Source) -> Source:
        return self.source.alike(images)


class Unseen(Source):
    """A data set of which nothing is at hand but the shape of its images: it has no examples.

    Args:
        image_shape: (H, W, C).
        num_labels: of its classes, if it has any.
        num_examples: how many there would be, if that is known.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        num_labels: int | None = None,
        num_examples: int | None = None,
    ):
        self.image_shape, self.num_labels = image_shape, num_labels
        self._num_examples = num_examples

    def __len__(self) -> int:
        return 0

    def fetch(self, indices: np.ndarray) -> Raw:
        """Blank records, for the shapes of a batch."""
        blank = {"image": np.zeros((len(indices), *self.image_shape), np.uint8)}
        label = {} if self.num_labels is None else {"label": np.zeros(len(indices), np.int32)}
        return {**blank, **label}

    def facts(self) -> Mapping[str, Any]:
        known = {} if self._num_examples is None else {"num_examples": self._num_examples}
        return {**super().facts(), **known}


def holdout(source: Source) -> Splits:
    """The splits of a data set that has no official ones: a fixed random 90 % `train`, 10 % `test`.

    Which examples are held out depends on their number alone; within a split they keep their order.
    """
    if len(source) < 2:
        raise ValueError(f"source: expected at least 2 images to split, got {len(source)}")
    order = keyed_permutation(0, HOLDOUT_STREAM, len(source))
    num_test = max(1, len(source) // 10)
    return {
        "train": Subset(source, np.sort(order[num_test:])),
        "test": Subset(source, np.sort(order[:num_test])),
    }


def with_validation(splits: Splits, num_validation: int) -> Splits:
    """The splits with the last so many images of `train` as `validation` instead."""
    source = splits["train"]
    if not 1 <= num_validation < len(source):
        raise ValueError(
            f"num_validation: expected at least 1 and less than {len(source)} training images, "
            f"got {num_validation}"
        )
    train, validation = np.split(np.arange(len(source)), [-num_validation])
    return {
        **splits,
        "train": Subset(source, train),
        "validation": Subset(source, validation),
    }
