"""Writes picture files that no ordinary program would, and folders of ordinary ones."""

import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image


def png(
    width: int, height: int, bits: int, colour_type: int, row: bytes, *chunks: tuple[bytes, bytes]
) -> bytes:
    """A PNG file of equal rows; `chunks` are (type, data) between its header and its pixels."""
    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)
    pixels = zlib.compress((b"\0" + row) * height)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", pixels), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )


def save(path: Path, pixels: Sequence) -> Path:
    """Writes pixels [H, W], [H, W, 3] or [H, W, 4], and makes the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, np.uint8)).save(path)
    return path


def flat(value: int, height: int = 8, width: int = 8) -> np.ndarray:
    """A picture of one grey."""
    return np.full((height, width, 3), value, np.uint8)


def fill(root: Path, count: int, first: int = 200) -> None:
    """Writes 000.png, 001.png, ..., each of one grey, `first`, `first` + 1, ..."""
    for i in range(count):
        save(root / f"{i:03}.png", flat(first + i))
