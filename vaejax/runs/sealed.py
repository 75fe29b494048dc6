"""JSON objects in files with a checksum of their own: a flipped digit in one is found."""

import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vaejax.core.files import write_whole

CRC = "crc32"


def sealed(values: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON object with a CRC-32 of it."""
    return {**values, CRC: _crc32_of(values)}


def write_sealed(path: Path, values: Mapping[str, Any]) -> None:
    """Write a JSON object, whole, with a CRC-32 of it."""
    write_whole(path, json.dumps(sealed(values)) + "\n")


def read_sealed(path: Path) -> dict[str, Any] | None:
    """The JSON object that was sealed into a file; None where there is none, or an altered one."""
    try:
        values = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    whole = isinstance(values, dict) and values.pop(CRC, None) == _crc32_of(values)
    return values if whole else None


def _crc32_of(values: Mapping[str, Any]) -> int:
    return zlib.crc32(json.dumps(values, sort_keys=True).encode())
