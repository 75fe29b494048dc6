"""Frey faces: 1965 frames of one man's face, 28 x 20 grey pixels, in video order.

Recorded by Brendan Frey, published by Sam Roweis; the data of Kingma and Welling, "Auto-encoding
variational Bayes", ICLR 2014. There is no official split, and neighbouring frames are much alike:
a random tenth held out is close to what was trained on.
"""

import os
from pathlib import Path

import numpy as np

from vaejax.data.array_file import absence, load_array
from vaejax.data.arrays import ArraySource
from vaejax.data.mat_file import load_matrix
from vaejax.data.source import Splits, holdout
from vaejax.data.transforms import transformed

NUM_IMAGES, HEIGHT, WIDTH = 1965, 28, 20


def frey_faces(path: str | os.PathLike, *, standardize: bool = False, flip: bool = False) -> Splits:
    """The Frey faces, splits `train` (1769) and `test` (196).

    Args:
        path: the file `frey_rawface.mat` (https://cs.nyu.edu/~roweis/data/frey_rawface.mat), or a
            `.npz` of its matrix `ff`.
        standardize: per-pixel zero mean and unit variance over the train split.
        flip: random horizontal flips of the train split.

    Raises:
        ValueError: the file is missing, damaged, or another one.
    """
    path = Path(path).expanduser()
    if path.suffix not in (".mat", ".npz") or not path.is_file():
        raise ValueError(
            f"path: expected frey_rawface.mat, as at https://cs.nyu.edu/~roweis/data/, or a .npz "
            f"of its matrix ff, got {path}{absence(path)}"
        )
    faces = load_matrix(path, "ff") if path.suffix == ".mat" else load_array(path, "ff")
    if faces.shape == (HEIGHT * WIDTH, NUM_IMAGES):
        faces = faces.T
    if faces.shape != (NUM_IMAGES, HEIGHT * WIDTH) or faces.dtype != np.uint8:
        raise ValueError(
            f"path: expected ff as 560 x 1965 or 1965 x 560 uint8 in {path}, "
            f"got {faces.shape} {faces.dtype}"
        )
    source = ArraySource(np.ascontiguousarray(faces).reshape(NUM_IMAGES, HEIGHT, WIDTH))
    return transformed(holdout(source), standardize=standardize, flip=flip)
