"""MNIST: handwritten digits, 28 x 28 grey pixels, 60,000 to train on and 10,000 to test.

LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document recognition", 1998.
"""

import gzip
import math
import os
import struct
import zlib
from pathlib import Path

import numpy as np

from vaejax.data.arrays import ArraySource
from vaejax.data.source import Source, Splits, with_validation
from vaejax.data.transforms import Binarization, transformed

ORIGIN = "https://storage.googleapis.com/cvdf-datasets/mnist/"
NUM_DIGITS = 10


def mnist(
    path: str | os.PathLike,
    *,
    pad: int = 0,
    binarize: Binarization | None = None,
    num_validation: int = 0,
) -> Splits:
    """MNIST from the four official files: splits `train` and `test`, labels, the factor `digit`.

    Args:
        path: the folder of `train-images-idx3-ubyte.gz` and the three files that go with it.
        pad: black pixels added on every side (2 makes 32 x 32).
        binarize: None, `"dynamic"` or `"fixed"`, see `transforms.Binarized`.
        num_validation: how many of the training images, the last, are the split `validation`
            instead; there is none at 0. Burda et al., 2016, have 400.

    Raises:
        ValueError: a file is missing or damaged, or has no more images than `num_validation`.
    """
    for name, number in (("pad", pad), ("num_validation", num_validation)):
        if number < 0:
            raise ValueError(f"{name}: expected a number >= 0, got {number}")
    path = Path(path).expanduser()
    splits: Splits = {"train": _split(path, "train", pad), "test": _split(path, "t10k", pad)}
    if num_validation:
        splits = with_validation(splits, num_validation)
    return transformed(splits, binarize=binarize)


def _split(folder: Path, prefix: str, pad: int) -> Source:
    labels = _read_idx(folder / f"{prefix}-labels-idx1-ubyte.gz", num_axes=1)
    images = _read_idx(folder / f"{prefix}-images-idx3-ubyte.gz", num_axes=3)
    if len(images) != len(labels):
        raise ValueError(
            f"path: expected as many {prefix} labels as images in {folder}, "
            f"got {len(labels)} and {len(images)}"
        )
    if labels.max() >= NUM_DIGITS:
        raise ValueError(
            f"path: expected {prefix} labels of MNIST, 0 to {NUM_DIGITS - 1}, in {folder}, "
            f"got {labels.max()}"
        )
    return ArraySource(
        np.pad(images, [(0, 0), (pad, pad), (pad, pad)]),
        factors=labels[:, None],
        factor_names=("digit",),
        factor_sizes=(NUM_DIGITS,),
        labels=labels,
        num_labels=NUM_DIGITS,
    )


def _read_idx(path: Path, num_axes: int) -> np.ndarray:
    """The array of an idx file: a magic number (8 for bytes, the number of axes), sizes, bytes."""
    if not path.is_file():
        raise ValueError(
            f"path: expected the four MNIST files, got no {path}; "
            f"download {ORIGIN}{path.name} into {path.parent}"
        )
    try:
        content = gzip.decompress(path.read_bytes())
    except (EOFError, OSError, zlib.error) as error:
        content, problem = b"", str(error)
    else:
        problem = "not an idx file, or cut short"
    header = 4 * (1 + num_axes)
    magic, *shape = struct.unpack(f">{1 + num_axes}I", content[:header].ljust(header, b"\0"))
    if magic != 0x800 + num_axes or 0 in shape or len(content) != header + math.prod(shape):
        raise ValueError(
            f"path: expected a whole MNIST file, got a damaged {path} ({problem}); "
            f"download {ORIGIN}{path.name} again"
        )
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)
