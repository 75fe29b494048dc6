"""Writes MNIST as its authors publish it: four gzipped idx files, here with few random images."""

import gzip
import struct
from pathlib import Path

import numpy as np

NAMES = [f"{p}-{k}-ubyte.gz" for p in ("train", "t10k") for k in ("images-idx3", "labels-idx1")]


def random_arrays() -> dict[str, np.ndarray]:
    """The arrays by file name: 12 images and labels to train on, 5 to test."""
    random = np.random.default_rng(0)
    return {
        name: random.integers(0, 256, (n, 28, 28) if "idx3" in name else (n,), dtype=np.uint8) % top
        for name, n, top in zip(NAMES, (12, 12, 5, 5), (255, 10, 255, 10), strict=True)
    }


def write_mnist(folder: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write every array into the file of its name."""
    for name, array in arrays.items():
        (folder / name).write_bytes(idx(array))


def idx(array: np.ndarray) -> bytes:
    """The content of one file: magic number, sizes, bytes."""
    sizes = struct.pack(f">{array.ndim}I", *array.shape)
    return gzip.compress(bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes())
