"""CIFAR-10: 60,000 photographs of ten classes of things, 32 x 32, through tfds.

Krizhevsky, "Learning multiple layers of features from tiny images", 2009.
"""

import os

import numpy as np

from vaejax.data.arrays import ArraySource
from vaejax.data.prepared import Features, Records, integers_of, picture_of, prepared
from vaejax.data.source import Source, Splits
from vaejax.data.transforms import transformed

FILES = ("cifar-10-binary.tar.gz",)
IMAGE_SHAPE = (32, 32, 3)
NUM_CLASSES = 10


def cifar10(
    *,
    data_dir: str | os.PathLike | None = None,
    manual_dir: str | os.PathLike | None = None,
    flip: bool = False,
    bits: int = 8,
) -> Splits:
    """CIFAR-10, official splits `train` (50,000) and `test` (10,000); labels, factor `class`.

    Args:
        data_dir: folder of prepared tfds data sets; None: tfds' own (`$TFDS_DATA_DIR`,
            `~/tensorflow_datasets`).
        manual_dir: folder with the original file (`FILES`); None: it is downloaded.
        flip: random horizontal flips of the train split.
        bits: of each pixel and channel, see `transforms.Quantized`.

    Raises:
        ValueError: the data set is not prepared and cannot be; the message says what it takes.
    """
    splits = prepared("cifar10", files=FILES, data_dir=data_dir, manual_dir=manual_dir)
    sources = {name: _source(records) for name, records in splits.items()}
    return transformed(sources, flip=flip, bits=bits)


def _source(records: Records) -> Source:
    classes = records.decoded("classes", (1,), _read_class)
    return ArraySource(
        records.decoded("pictures", IMAGE_SHAPE, picture_of),
        factors=classes,
        factor_names=("class",),
        factor_sizes=(NUM_CLASSES,),
        labels=classes[:, 0],
        num_labels=NUM_CLASSES,
    )


def _read_class(features: Features) -> np.ndarray:
    return integers_of(features, ["label"])
