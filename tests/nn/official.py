"""The official layers' arrays (`nvae_ref.npz`) as these tests want them."""

import numpy as np


def load(vectors) -> dict[str, np.ndarray]:
    """All arrays by name."""
    with np.load(vectors("nvae_ref.npz")) as file:
        return {name: file[name] for name in file.files}


def nhwc(array: np.ndarray) -> np.ndarray:
    return array.transpose(0, 2, 3, 1).astype(np.float64)


def hwio(array: np.ndarray) -> np.ndarray:
    return array.transpose(2, 3, 1, 0).astype(np.float64)
