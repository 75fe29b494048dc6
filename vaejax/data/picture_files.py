"""Reads the files of a listing: all of them, or all but those that cannot be read."""

import json
import os
import warnings
from collections import Counter
from typing import NamedTuple

import numpy as np

from vaejax.data.decoded import cache_path, decoded_with_note
from vaejax.data.fitting import Fit
from vaejax.data.listing import Listing
from vaejax.data.opening import CHANGES, opened
from vaejax.data.remembered import stamp_of

NAMED = 5  # files that a message names


class Pictures(NamedTuple):
    """What was read.

    Attributes:
        pixels: uint8 [N, H, W, C], memory-mapped: of all files, black where one was skipped.
        kept: places of those that were read, ascending.
    """

    pixels: np.ndarray
    kept: np.ndarray


def read_pictures(
    listing: Listing, fit: Fit, channels: int, *, skip_damaged: bool = False
) -> Pictures:
    """The pictures of a listing, decoded in the first run only, see `decoded`.

    What was done to how many is said in a warning, and which were skipped: in every run.

    Args:
        listing: the files.
        fit: what size they come to.
        channels: 3 for RGB, 1 for grey.
        skip_damaged: leave out files that cannot be read.

    Raises:
        ValueError: files cannot be read, and are not to be skipped, or there are no others.
    """
    root, files = listing
    stamps = [(str(file.relative_to(root)), *stamp_of(file)) for file in files]
    cache = cache_path(f"folder-{root.name}", (os.path.realpath(root), stamps, fit, channels))
    changes: dict[int, tuple[str, ...]] = {}
    damaged: dict[int, str] = {}
    shape = (fit.height, fit.width, channels)

    def read(index: int) -> np.ndarray:
        try:
            picture, changes[index] = opened(files[index], channels)
        except ValueError as error:  # the others are looked at too, so that all can be told
            damaged[index] = str(error)
            return np.zeros(shape, np.uint8)
        return np.asarray(fit(picture, files[index])).reshape(shape)

    def note() -> str:
        if damaged and not skip_damaged:
            raise ValueError(_refusal(damaged, listing))
        counts = Counter(change for some in changes.values() for change in some)
        done = [f"{counts[change]} {change}" for change in CHANGES if counts[change]]
        return json.dumps({"done": done, "damaged": sorted(damaged.items())})

    pixels, told = decoded_with_note(cache, len(files), shape, read, note, description=root.name)
    found = json.loads(told)
    skipped = dict(found["damaged"])
    if skipped and (not skip_damaged or len(skipped) == len(files)):
        raise ValueError(_refusal(skipped, listing))
    if said := _said(found["done"], skipped, listing):
        warnings.warn(f"path: {said}", stacklevel=3)
    return Pictures(pixels, np.setdiff1d(np.arange(len(files)), list(skipped)))


def _refusal(damaged: dict[int, str], listing: Listing) -> str:
    """The error for files that cannot be read: the first with its reason, others by name."""
    first, *others = sorted(damaged)
    and_others = f"; and {len(others)} more: {_names(others, listing)}" if others else ""
    advice = "; skip_damaged=True leaves such files out"
    if len(damaged) == len(listing.files):
        advice = ", and no other picture is there"
    return f"path: {damaged[first]}{and_others}{advice}"


def _said(done: list[str], skipped: dict[int, str], listing: Listing) -> str:
    """What was read and what was done to it; nothing, where all pictures are as they were."""
    root, total = listing.folder, len(listing.files)
    if not skipped:
        return f"of {total} pictures in {root}: {', '.join(done)}" if done else ""
    read = f"read {total - len(skipped)} of {total} files in {root}"
    names = _names(sorted(skipped), listing)
    return "; ".join([f"{read} ({len(skipped)} skipped: {names})", *done])


def _names(places: list[int], listing: Listing) -> str:
    names = [str(listing.files[place].relative_to(listing.folder)) for place in places]
    return ", ".join(names[:NAMED] + ["..."] * (len(names) > NAMED))
