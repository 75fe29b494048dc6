"""A file of pixels with checksums, so that a byte that has changed on the disk is found.

The file is a `.npy` file, pixels [N, ...] uint8, after which come the CRC-32 of every block of
pictures, a note of what was done to them, and one CRC-32 of both and of what the pixels were made
from.
"""

import io
import math
import os
import threading
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

BLOCK = 64  # pictures under one checksum


class CacheFile:
    """What such a file has to be.

    Attributes:
        path: of the file.
        shape: of the pixels, N first.
        blocks: numbers of the pictures in each block.

    Args:
        path: of the file.
        shape: of the pixels, N first.
        key: what the pixels were made from, with a stable `repr`.
    """

    def __init__(self, path: Path, shape: tuple[int, ...], key: object):
        header = io.BytesIO()
        about = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(header, about)
        self.path, self.shape = path, shape
        self.blocks = [range(i, min(i + BLOCK, shape[0])) for i in range(0, shape[0], BLOCK)]
        self._header, self._key = header.getvalue(), repr(key).encode()

    def pixels(self) -> np.ndarray:
        """The pixels, memory-mapped."""
        return np.memmap(self.path, np.uint8, "r", offset=len(self._header), shape=self.shape)

    def note(self) -> str:
        """The note that was written with the pixels; of a file without a `problem`."""
        with self.path.open("rb") as file:
            file.seek(len(self._header) + math.prod(self.shape) + 4 * len(self.blocks))
            return file.read()[:-4].decode()

    def write(
        self,
        path: Path,
        make: Callable[[range], np.ndarray],
        note: Callable[[], str] = lambda: "",
    ) -> None:
        """Write the file to `path`, of what `make` makes of each block, in several threads.

        Args:
            path: where to.
            make: the pixels of a block of pictures.
            note: what to keep with the pixels; asked when all are made.
        """
        size = math.prod(self.shape[1:])
        lock = threading.Lock()
        with path.open("wb") as file, ThreadPoolExecutor(os.cpu_count()) as pool:

            def fill(block: range) -> int:
                pixels = np.ascontiguousarray(make(block))
                with lock:
                    file.seek(len(self._header) + block.start * size)
                    file.write(pixels.data)
                return zlib.crc32(pixels.data)

            try:
                checksums = list(pool.map(fill, self.blocks))
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
            file.seek(0)
            file.write(self._header)
            file.seek(0, os.SEEK_END)
            file.write(self._footer(checksums, note().encode()))

    def problem(self) -> str | None:
        """What distinguishes the file from the one that was written, if anything does."""
        with self.path.open("rb") as file:
            header = file.read(len(self._header))
            file.seek(math.prod(self.shape), os.SEEK_CUR)
            footer = file.read()
        size = 4 * len(self.blocks)
        if header != self._header or len(footer) < size + 4:
            return "is cut short, of other pictures, or of an earlier version"
        checksums = np.frombuffer(footer[:size], "<u4").tolist()
        if footer != self._footer(checksums, footer[size:-4]):
            return "is of other pictures, or its checksums are damaged"
        pixels, num_threads = self.pixels(), os.cpu_count() or 1

        def changed(first: int) -> list[int]:  # every so many blocks: one takes microseconds
            some = zip(self.blocks[first::num_threads], checksums[first::num_threads], strict=True)
            return [b.start for b, x in some if zlib.crc32(pixels[b.start : b.stop].data) != x]

        with ThreadPoolExecutor(num_threads) as pool:
            found = [start for starts in pool.map(changed, range(num_threads)) for start in starts]
        return f"is damaged at number {min(found)} or soon after" if found else None

    def _footer(self, checksums: Sequence[int], note: bytes) -> bytes:
        stored = np.array(checksums, "<u4").tobytes() + note
        return stored + np.array([zlib.crc32(self._key + stored)], "<u4").tobytes()
