"""dSprites: white squares, ellipses and hearts on black, one image per combination of five factors.

Matthey, Higgins, Hassabis, Lerchner, "dSprites: Disentanglement testing Sprites dataset", 2017.

Nothing is downloaded or stored: the images are drawn where they are needed, on the device, and
almost all are the genuine ones (see `sprites`). The genuine file can be had through tfds instead.
"""

import io
import math
import os
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np

from vaejax.data import factor_grid
from vaejax.data.opening import opened
from vaejax.data.prepared import Features, Records, file_of, integers_of, prepared
from vaejax.data.source import Raw, Source, Splits, Subset, Wrapper, holdout
from vaejax.data.sprites import FACTOR_NAMES, FACTOR_SIZES, IMAGE_SIZE, render
from vaejax.nn.noise import example_keys
from vaejax.types import Array, Batch

FILES = ("dsprites_ndarray_co1sh3sc6or40x32y32_64x64.hdf5",)
LABELS = ("label_shape", "label_scale", "label_orientation", "label_x_position", "label_y_position")


def dsprites(
    *,
    fixed: Mapping[str, int] | None = None,
    coloured: bool = False,
    official: bool = False,
    data_dir: str | os.PathLike | None = None,
    manual_dir: str | os.PathLike | None = None,
) -> Splits:
    """dSprites in two splits, a fixed random 90 % `train` and 10 % `test`.

    The last orientation is the first again, so every twentieth image is there twice, and most such
    images of `test` have their twin in `train`.

    Args:
        fixed: factors held at one of their values, `{"orientation": 0}`: a smaller, easier set.
        coloured: RGB, each sprite in a random colour, see `Coloured`.
        official: the genuine file through tfds, instead of drawn images.
        data_dir: with `official`: folder of prepared tfds data sets; None: `$TFDS_DATA_DIR`,
            `~/tensorflow_datasets`.
        manual_dir: with `official`: folder with the genuine file (`FILES`); None: downloaded.

    Raises:
        ValueError: a factor or value that there is not; the genuine set is not prepared and cannot
            be; a folder without `official`.
    """
    for name, folder in (("data_dir", data_dir), ("manual_dir", manual_dir)):
        if folder is not None and not official:
            raise ValueError(f"{name}: expected None unless official=True, got {folder}")
    source: Source = DSprites()
    if official:
        splits = prepared("dsprites", files=FILES, data_dir=data_dir, manual_dir=manual_dir)
        source = PreparedDSprites(splits["train"])
    if fixed:
        source = Subset(source, _positions_with(fixed))
    return holdout(Coloured(source) if coloured else source)


def _positions_with(fixed: Mapping[str, int]) -> np.ndarray:
    """Where in the grid the images lie whose factors have the `fixed` values."""
    values = [np.arange(size) for size in FACTOR_SIZES]
    for name, value in fixed.items():
        if name not in FACTOR_NAMES:
            raise ValueError(f"fixed: expected factors among {FACTOR_NAMES}, got {name!r}")
        size = FACTOR_SIZES[FACTOR_NAMES.index(name)]
        if not 0 <= value < size:
            raise ValueError(f"fixed: expected {name} in [0, {size}), got {value}")
        values[FACTOR_NAMES.index(name)] = np.array([value])
    factors = np.stack(np.meshgrid(*values, indexing="ij"), axis=-1).reshape(-1, len(values))
    return factor_grid.index_of(factors, FACTOR_SIZES)


class DSprites(Source):
    """The whole grid of factors, 737,280 images [64, 64, 1], drawn on the device."""

    image_shape = (IMAGE_SIZE, IMAGE_SIZE, 1)
    factor_names = FACTOR_NAMES
    factor_sizes = FACTOR_SIZES

    def __len__(self) -> int:
        return math.prod(FACTOR_SIZES)

    def fetch(self, indices: np.ndarray) -> Raw:
        return {"factors": self.factors(indices)}

    def decode(self, raw: Raw, rng: Array) -> Batch:
        del rng
        return {"image": render(raw["factors"]), "factors": raw["factors"]}

    def factors(self, indices: np.ndarray) -> np.ndarray:
        return factor_grid.factors_of(np.asarray(indices), FACTOR_SIZES).astype(np.int32)


class PreparedDSprites(Source):
    """The genuine images, eight pixels a byte (0.4 GB), in the order of their factors.

    Args:
        records: the only split of the prepared tfds data set, in tfds' own random order.
    """

    image_shape = DSprites.image_shape
    factor_names = FACTOR_NAMES
    factor_sizes = FACTOR_SIZES

    def __init__(self, records: Records):
        self._bits = records.decoded("bits", (IMAGE_SIZE, IMAGE_SIZE // 8), _read_bits)
        self._labels = records.decoded("labels", (len(LABELS),), _read_labels)
        positions = factor_grid.index_of(self._labels.astype(np.int32), FACTOR_SIZES)
        self._order = np.argsort(positions)

    def __len__(self) -> int:
        return len(self._order)

    def fetch(self, indices: np.ndarray) -> Raw:
        return {"bits": self._bits[self._order[indices]], "factors": self.factors(indices)}

    def decode(self, raw: Raw, rng: Array) -> Batch:
        del rng
        images = jnp.unpackbits(raw["bits"], axis=-1).astype(jnp.float32)[..., None]
        return {"image": images, "factors": raw["factors"]}

    def factors(self, indices: np.ndarray) -> np.ndarray:
        return self._labels[self._order[indices]].astype(np.int32)


def _read_bits(features: Features) -> np.ndarray:
    image, _ = opened(io.BytesIO(file_of(features, "image")), 1, name="image")
    return np.packbits(np.asarray(image) > 0, axis=-1)


def _read_labels(features: Features) -> np.ndarray:
    return integers_of(features, LABELS)


class Coloured(Wrapper):
    """Each sprite in a colour drawn anew in every batch, uniformly from [0.5, 1]^3; black around.

    "Color-dSprites" of Locatello et al., "Challenging Common Assumptions in the Unsupervised
    Learning of Disentangled Representations", ICML 2019. The colour is no factor.
    """

    def __init__(self, source: Source):
        super().__init__(source)
        self.image_shape = (*source.image_shape[:2], 3)
        self.bits = None

    def fetch(self, indices: np.ndarray) -> Raw:
        return {"source": self.source.fetch(indices), "index": indices.astype(np.int32)}

    def decode(self, raw: Raw, rng: Array) -> Batch:
        colour_rng, source_rng = jax.random.split(rng)
        keys = example_keys(colour_rng, raw["index"])
        colours = jax.vmap(lambda key: jax.random.uniform(key, (1, 1, 3), minval=0.5))(keys)
        batch = self.source.decode(raw["source"], source_rng)
        return {**batch, "image": batch["image"] * colours}  # [B, H, W, 3]

    def alike(self, images: Source) -> Source:
        return self.source.alike(images)  # which have their colours
