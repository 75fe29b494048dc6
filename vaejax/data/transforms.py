"""What may be done to the images of any data set: flipped, binarised, standardised.

Every transform is a source around a source and acts on the device, inside `decode`. What is random
depends on the batch's key and on the example's own index, so a batch is the same numbers however it
is laid out over devices, and an evaluation the same for every batch size.
"""

from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np

from vaejax.data.pixel_statistics import pixel_statistics
from vaejax.data.source import Raw, Source, Splits, Wrapper
from vaejax.nn.noise import example_keys
from vaejax.types import Array, Batch

Binarization = Literal["dynamic", "fixed"]


def transformed(
    splits: Splits,
    *,
    standardize: bool = False,
    flip: bool = False,
    binarize: Binarization | None = None,
    bits: int = 8,
) -> Splits:
    """The splits with what a data set function was asked for, in the one order that makes sense.

    Args:
        splits: the sources; `train` is there.
        standardize: `Standardized` by the statistics of the (unflipped) train split.
        flip: `Flipped`, the train split only.
        binarize: `Binarized`, all splits.
        bits: fewer than 8 is `Quantized`, all splits.
    """
    if not 1 <= bits <= 8:
        raise ValueError(f"bits: expected 1 to 8, got {bits}")
    if binarize not in (None, "dynamic", "fixed"):
        raise ValueError(f"binarize: expected None, 'dynamic' or 'fixed', got {binarize!r}")
    if binarize and standardize:
        raise ValueError(f"standardize: expected False with binarize={binarize!r}, got True")
    result = dict(splits)
    if bits < 8:
        result = {name: Quantized(source, bits) for name, source in result.items()}
    statistics = pixel_statistics(result["train"]) if standardize else None
    if flip:
        result["train"] = Flipped(result["train"])
    if binarize:  # a seed per split, so that no noise is shared between them
        result = {n: Binarized(s, binarize, seed=i) for i, (n, s) in enumerate(result.items())}
    if statistics:
        result = {name: Standardized(source, *statistics) for name, source in result.items()}
    return result


class _Indexed(Wrapper):
    """Keeps the examples' indices beside their records, to key what is random in them."""

    def fetch(self, indices: np.ndarray) -> Raw:
        return {"source": self.source.fetch(indices), "index": indices.astype(np.int32)}


class Flipped(_Indexed):
    """Each image mirrored left to right with probability 1/2, decided anew in every batch."""

    def decode(self, raw: Raw, rng: Array) -> Batch:
        coin_rng, source_rng = jax.random.split(rng)
        coins = jax.vmap(jax.random.bernoulli)(example_keys(coin_rng, raw["index"]))  # [B]
        batch = self.source.decode(raw["source"], source_rng)
        images = batch["image"]
        flipped = jnp.where(coins[:, None, None, None], images[:, :, ::-1], images)
        return {**batch, "image": flipped}

    def alike(self, images: Source) -> Source:
        return self.source.alike(images)


class Binarized(_Indexed):
    """Each pixel 1 with probability of its grey value, else 0.

    Args:
        source: images in [0, 1].
        mode: `"dynamic"`: drawn anew in every batch. `"fixed"`: always the same draw for an
            example, a function of `seed` and its index alone.
        seed: of the fixed draws.

    Salakhutdinov and Murray, "On the quantitative analysis of deep belief networks", ICML 2008
    (fixed); Burda et al., "Importance weighted autoencoders", ICLR 2016 (dynamic). Likelihoods
    under the two are not comparable.
    """

    def __init__(self, source: Source, mode: Binarization, *, seed: int = 0):
        super().__init__(source)
        self.bits = 1
        self._mode = mode
        self._seed = seed

    def decode(self, raw: Raw, rng: Array) -> Batch:
        noise_rng, source_rng = jax.random.split(rng)
        if self._mode == "fixed":
            noise_rng = jax.random.key(self._seed)
        keys = example_keys(noise_rng, raw["index"])
        noise = jax.vmap(lambda key: jax.random.uniform(key, self.image_shape))(keys)
        batch = self.source.decode(raw["source"], source_rng)
        return {**batch, "image": (noise < batch["image"]).astype(jnp.float32)}

    def pixel_means(self) -> np.ndarray:
        return super().pixel_means() if self._mode == "fixed" else self.source.pixel_means()


class Quantized(Wrapper):
    """Images of 8 bits with the first `bits` of each pixel and channel, on [0, 1] again.

    Likelihoods under different numbers of bits are not comparable.
    """

    bits: int

    def __init__(self, source: Source, bits: int):
        super().__init__(source)
        self.bits = bits

    def decode(self, raw: Raw, rng: Array) -> Batch:
        batch = self.source.decode(raw, rng)
        values = jnp.round(255.0 * batch["image"])  # exact integers
        images = jnp.floor(values / 2 ** (8 - self.bits)) / (2**self.bits - 1)
        return {**batch, "image": images}


class Standardized(Wrapper):
    """Images minus a mean image, divided by a standard-deviation image.

    Log-densities of a model are then those of the standardised images; those of the images
    themselves are lower by the sum of log `std`.

    Args:
        source: the images.
        mean: mean image [H, W, C].
        std: standard deviation of each pixel [H, W, C], positive.
    """

    def __init__(self, source: Source, mean: np.ndarray, std: np.ndarray):
        super().__init__(source)
        self.in_unit_interval, self.bits = False, None
        for name, value in (("mean", mean), ("std", std)):
            if value.shape != source.image_shape:
                raise ValueError(f"{name}: expected shape {source.image_shape}, got {value.shape}")
        if not np.all(std > 0):
            raise ValueError(f"std: expected positive numbers, got {std.min()}")
        self.mean = np.asarray(mean, np.float32)[None]  # [1, H, W, C]
        self.std = np.asarray(std, np.float32)[None]

    def decode(self, raw: Raw, rng: Array) -> Batch:
        batch = self.source.decode(raw, rng)
        return {**batch, "image": (batch["image"] - self.mean) / self.std}

    def pictures(self, images: Array) -> Array:
        leading = (1,) * (jnp.ndim(images) - 3)
        mean, std = (x.reshape(*leading, *self.image_shape) for x in (self.mean, self.std))
        return self.source.pictures(images * std + mean)
