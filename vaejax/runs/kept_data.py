"""The fingerprint of the data that a run has seen, kept with it: other data are another run.

It is of the records as they come from the files, before anything random is done to them, so it is
the same for every number of devices, and after the files have moved.
"""

import math
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from vaejax.data import Source, Splits
from vaejax.data.source import Raw
from vaejax.runs.config import ConfigError
from vaejax.runs.sealed import read_sealed, write_sealed

DATA_FILE = "data.json"
MAX_COMPARED = 256  # images of a split, evenly spaced: all of a small one
MAX_BYTES = 16 * 2**20  # read for it, of large images


def fingerprint(name: str, splits: Splits) -> dict[str, Any]:
    """What tells data apart, as JSON: name, and by split number, shape, and checksums of images."""
    return {
        "name": name,
        "splits": {name: _of_split(source) for name, source in splits.items()},
    }


def keep_data(workdir: Path, found: Mapping[str, Any]) -> None:
    """Write a fingerprint beside the run that it belongs to."""
    if jax.process_index() == 0:
        write_sealed(workdir / DATA_FILE, found)


def check_same_data(workdir: Path, found: Mapping[str, Any]) -> None:
    """Refuse data that are not those of the run in a folder, as far as it has a fingerprint.

    Raises:
        ConfigError: with the first difference.
    """
    path = workdir / DATA_FILE
    kept = read_sealed(path)
    if kept is None:
        if path.exists():
            print(f"{path}: it is damaged; the data at hand are taken to be those of the run")
        return
    try:
        difference = _difference(kept, found)
    except (KeyError, TypeError, ValueError):  # of a version that compared other things
        print(
            f"{path}: it is of another version; the data at hand are taken to be those of the run"
        )
        return
    if difference:
        raise ConfigError(
            f"config.data: {difference}; the run in {workdir} has seen other data: choose another "
            f"--workdir, or remove {path} if these are right"
        )


def _of_split(source: Source) -> dict[str, Any]:
    number, shape = len(source), list(source.image_shape)
    count = min(number, MAX_COMPARED, max(1, MAX_BYTES // math.prod(shape)))
    indices = np.linspace(0, number - 1, count).round().astype(np.int64)
    checksums = [0] * count
    for leaf in _of_images(source.fetch(indices)):
        rows = map(np.ascontiguousarray, leaf)
        checksums = [zlib.crc32(row.data, c) for row, c in zip(rows, checksums, strict=True)]
    split = {"number": number, "shape": shape, "images": checksums}
    if source.factor_names:
        factors = np.ascontiguousarray(source.factors(indices), np.int64)
        split["factors"] = zlib.crc32(factors.data)
    return split


def _of_images(raw: Raw) -> list[np.ndarray]:
    """The arrays of raw records that images are made of; factors only where nothing else is."""
    found: dict[str, list[np.ndarray]] = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(raw):
        found.setdefault(path[-1].key, []).append(leaf)
    found.pop("index", None)  # of places, not of contents
    if set(found) - {"factors", "label"}:
        found = {name: some for name, some in found.items() if name not in ("factors", "label")}
    return [leaf for some in found.values() for leaf in some]


def _difference(kept: Mapping[str, Any], found: Mapping[str, Any]) -> str | None:
    """The first difference between two fingerprints, in words."""
    if kept["name"] != found["name"]:
        return f"expected the data set {kept['name']!r}, got {found['name']!r}"
    for name, wanted in kept["splits"].items():
        got = found["splits"].get(name)
        if got is None:
            return f"expected a split {name!r}, got {sorted(found['splits'])}"
        if wanted["shape"] != got["shape"]:
            shapes = [" x ".join(map(str, split["shape"])) for split in (wanted, got)]
            return f"expected images of {shapes[0]} in {name!r}, got {shapes[1]}"
        if wanted["number"] != got["number"]:
            return f"expected {wanted['number']:,} images in {name!r}, got {got['number']:,}"
        pairs = list(zip(wanted["images"], got["images"], strict=True))
        if others := sum(a != b for a, b in pairs):
            return (
                f"expected the same {wanted['number']:,} images in {name!r}, got others: "
                f"{others} of {len(pairs)} compared are not the same"
            )
        if wanted.get("factors") != got.get("factors"):
            return f"expected the same factors in {name!r}, got others"
    return None
