"""Checkpoints of PyTorch read without PyTorch, and without trusting them.

A `.pt` file (PyTorch 1.6 and later) is a zip of one pickle, `<name>/data.pkl`, and the bytes of
every storage, `<name>/data/<key>`. A pickle is a program that may call anything it can import; the
reader here resolves only what tensors and plain containers are made of and refuses all else.
"""

import collections
import io
import pickle
import zipfile
from os import PathLike
from types import SimpleNamespace
from typing import Any

import numpy as np

# Storage classes by the type of their elements; bfloat16 has no numpy type and is widened.
STORAGES = {
    "BFloat16Storage": "bfloat16",
    "BoolStorage": "bool",
    "ByteStorage": "uint8",
    "CharStorage": "int8",
    "DoubleStorage": "float64",
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "IntStorage": "int32",
    "LongStorage": "int64",
    "ShortStorage": "int16",
}


def read_torch_file(path: str | PathLike[str]) -> Any:
    """The object that `torch.save` wrote, with tensors as numpy arrays.

    Dictionaries, lists, tuples, numbers and text come back as such, an `argparse.Namespace` as a
    `SimpleNamespace`.

    Raises:
        ValueError: not such a file, or one that wants something else to be imported.
    """
    try:
        archive = zipfile.ZipFile(path)
    except zipfile.BadZipFile:
        raise ValueError(
            f"path: expected a checkpoint of PyTorch 1.6 or later (a zip), got {path}"
        ) from None
    with archive:
        names = [name for name in archive.namelist() if name.endswith("/data.pkl")]
        if len(names) != 1:
            raise ValueError(f"path: expected one data.pkl in {path}, got {len(names)}")
        folder = names[0].removesuffix("data.pkl")
        return _Reader(archive, folder).load()


class _Reader(pickle.Unpickler):
    """An unpickler that can build tensors and plain containers."""

    def __init__(self, archive: zipfile.ZipFile, folder: str):
        super().__init__(io.BytesIO(archive.read(f"{folder}data.pkl")))
        self._archive, self._folder = archive, folder
        self._storages: dict[str, np.ndarray] = {}

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _ALLOWED:
            return _ALLOWED[module, name]
        if module == "torch" and name in STORAGES:
            return STORAGES[name]
        raise ValueError(f"path: expected tensors and plain containers, got a {module}.{name}")

    def persistent_load(self, pid: tuple[Any, ...]) -> np.ndarray:
        _, dtype, key, *_ = pid
        if key not in self._storages:
            content = self._archive.read(f"{self._folder}data/{key}")
            self._storages[key] = _array(content, dtype)
        return self._storages[key]


def _array(content: bytes, dtype: str) -> np.ndarray:
    if dtype != "bfloat16":
        return np.frombuffer(content, np.dtype(dtype).newbyteorder("<"))
    upper_half = np.frombuffer(content, "<u2").astype(np.uint32)
    return (upper_half << 16).view(np.float32)


def _tensor(storage: np.ndarray, offset: int, size: tuple[int, ...], stride, *rest) -> np.ndarray:
    del rest  # whether it has gradients, and hooks
    reach = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    if min((offset, *size, *stride)) < 0 or (0 not in size and reach >= storage.size):
        raise ValueError("path: expected tensors within their storages; the file is damaged")
    strides = [step * storage.itemsize for step in stride]
    return np.lib.stride_tricks.as_strided(storage[offset:], size, strides).copy()


def _parameter(data: np.ndarray, *rest) -> np.ndarray:
    del rest
    return data


_ALLOWED = {
    ("argparse", "Namespace"): SimpleNamespace,
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("collections", "defaultdict"): collections.defaultdict,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
}
