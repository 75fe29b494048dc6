"""CelebA: 202,599 aligned photographs of faces with 40 yes/no attributes, through tfds.

Liu, Luo, Wang, Tang, "Deep Learning Face Attributes in the Wild", ICCV 2015; for non-commercial
research only. Cropped and resized as NVAE does (Vahdat, Kautz, NeurIPS 2020).
"""

import io
import os

import numpy as np

from vaejax.data.arrays import ArraySource
from vaejax.data.opening import opened
from vaejax.data.prepared import Features, Records, file_of, integers_of, prepared
from vaejax.data.source import Source, Splits
from vaejax.data.transforms import transformed

FILES = (
    "img_align_celeba.zip",
    "list_eval_partition.txt",
    "list_attr_celeba.txt",
    "list_landmarks_align_celeba.txt",
    "identity_CelebA.txt",
)
INSTEAD = (
    "Nothing at hand? NVAE has a run on coloured sprites, which it draws itself:",
    "    --config=configs/nvae_celeba.py:demo",
)
PICTURE_SIZE = (178, 218)
CROP = (15, 40, 163, 188)  # left, top, right, bottom
CROP_SIZE = 148


def celeb_a(
    *,
    image_size: int = 64,
    data_dir: str | os.PathLike | None = None,
    manual_dir: str | os.PathLike | None = None,
    standardize: bool = False,
    flip: bool = False,
    bits: int = 8,
) -> Splits:
    """CelebA, official splits `train`, `validation` and `test`; factors: the attributes, 0 or 1.

    The first run prepares the data set where that has not been done (needs TensorFlow), and decodes
    it for this `image_size` into the folder of the prepared files; later runs read the result.

    Args:
        image_size: pixels a side, resized (bilinear, antialiased) from a crop of 148.
        data_dir: folder of prepared tfds data sets; None: tfds' own (`$TFDS_DATA_DIR`,
            `~/tensorflow_datasets`).
        manual_dir: folder with the original files (`FILES`); None: they are downloaded.
        standardize: per-pixel zero mean and unit variance over the train split.
        flip: random horizontal flips of the train split.
        bits: of each pixel and channel, see `transforms.Quantized`.

    Raises:
        ValueError: the data set is not prepared and cannot be; the message says what it takes.
    """
    if not 1 <= image_size <= CROP_SIZE:
        raise ValueError(f"image_size: expected a number from 1 to {CROP_SIZE}, got {image_size}")
    splits = prepared(
        "celeb_a", files=FILES, data_dir=data_dir, manual_dir=manual_dir, instead=INSTEAD
    )
    sources = {split: _source(records, image_size) for split, records in splits.items()}
    return transformed(sources, standardize=standardize, flip=flip, bits=bits)


def _source(records: Records, image_size: int) -> Source:
    names = records.names("attributes")

    def read_face(features: Features) -> np.ndarray:
        return face(file_of(features, "image"), image_size)

    def read_attributes(features: Features) -> np.ndarray:
        return integers_of(features, [f"attributes/{name}" for name in names])

    shape = (image_size, image_size, 3)
    return ArraySource(
        records.decoded(f"faces-{image_size}x{image_size}", shape, read_face),
        factors=records.decoded("attributes", (len(names),), read_attributes),
        factor_names=names,
        factor_sizes=(2,) * len(names),
    )


def face(jpeg: bytes, image_size: int) -> np.ndarray:
    """The face in a picture of CelebA, [image_size, image_size, 3] uint8."""
    from PIL import Image

    picture, _ = opened(io.BytesIO(jpeg), 3, name="picture")
    if picture.size != PICTURE_SIZE:
        raise ValueError(f"expected a picture of {PICTURE_SIZE} pixels, got {picture.size}")
    crop = picture.crop(CROP)
    return np.asarray(crop.resize((image_size, image_size), Image.Resampling.BILINEAR))
