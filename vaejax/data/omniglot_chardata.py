"""Omniglot as likelihoods are published on it: 28 x 28 grey, 24,345 to train on, 8,070 to test.

The file of Burda, Grosse, Salakhutdinov, "Importance weighted autoencoders", ICLR 2016, in which
all 50 alphabets are in both parts; likelihoods on the split by alphabets that `omniglot` reads are
not comparable. A column is an image, and its pixels are in MATLAB's order: column by column.
"""

import os
from pathlib import Path

import numpy as np

from vaejax.data.array_file import absence
from vaejax.data.arrays import ArraySource
from vaejax.data.mat_file import load_matrix
from vaejax.data.source import Splits, with_validation
from vaejax.data.transforms import Binarization, transformed

ORIGIN = "https://github.com/yburda/iwae/tree/master/datasets/OMNIGLOT"
SIZE = 28
SHUFFLE_SEED = 123  # of the training images, in the paper's code


def omniglot_chardata(
    path: str | os.PathLike, *, binarize: Binarization | None = None, num_validation: int = 1_345
) -> Splits:
    """Omniglot from the file of the IWAE paper, ink 1 on paper 0: `train`, `validation`, `test`.

    Args:
        path: the file `chardata.mat`.
        binarize: None, `"dynamic"` or `"fixed"`, see `transforms.Binarized`.
        num_validation: how many of the training images, the last after the paper's shuffle, are
            the split `validation` instead; there is none at 0.

    Raises:
        ValueError: the file is missing, damaged, or another one.
    """
    path = Path(path).expanduser()
    if path.suffix != ".mat" or not path.is_file():
        raise ValueError(
            f"path: expected the file chardata.mat, got {path}{absence(path)}; download {ORIGIN}"
        )
    train, test = (_images(path, name) for name in ("data", "testdata"))
    order = np.random.RandomState(SHUFFLE_SEED).permutation(len(train))
    splits: Splits = {"train": _source(path, train[order]), "test": _source(path, test)}
    if num_validation:
        splits = with_validation(splits, num_validation)
    return transformed(splits, binarize=binarize)


def _images(path: Path, name: str) -> np.ndarray:
    """The images [N, 28, 28] float32 that are the columns of a matrix."""
    columns = load_matrix(path, name)
    if columns.ndim != 2 or columns.shape[0] != SIZE**2 or columns.dtype.kind not in "biuf":
        raise ValueError(
            f"path: expected {name} as {SIZE**2} x N numbers in {path}, "
            f"got {columns.shape} {columns.dtype}"
        )
    return columns.T.astype(np.float32).reshape(-1, SIZE, SIZE).swapaxes(1, 2)


def _source(path: Path, images: np.ndarray) -> ArraySource:
    try:
        return ArraySource(images)
    except ValueError as error:
        raise ValueError(f"path: expected images in [0, 1] in {path}: {error}") from None
