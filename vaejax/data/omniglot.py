"""Omniglot: 1623 handwritten characters of 50 alphabets, each drawn by 20 people.

Lake, Salakhutdinov, Tenenbaum, "Human-level concept learning through probabilistic program
induction", Science 2015. Files: https://github.com/brendenlake/omniglot/tree/master/python.
"""

import io
import os
import zipfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from vaejax.data.arrays import ArraySource
from vaejax.data.decoded import cache_path, decoded
from vaejax.data.folder_walk import is_hidden
from vaejax.data.opening import opened
from vaejax.data.remembered import stamp_of
from vaejax.data.source import Source, Splits, holdout
from vaejax.data.transforms import Binarization, transformed

ORIGIN = "https://github.com/brendenlake/omniglot/tree/master/python"
BACKGROUND = ("images_background.zip",)
BACKGROUND_SMALL = ("images_background_small1.zip", "images_background_small2.zip")
EVALUATION = ("images_evaluation.zip",)


def omniglot(
    path: str | os.PathLike, *, image_size: int = 28, binarize: Binarization | None = None
) -> Splits:
    """Omniglot from the official archives, ink 1 on paper 0; splits `train` and `test`.

    Train is `images_background.zip`, or else the small sets 1 and 2, whichever are there, each
    drawing once; test is `images_evaluation.zip`, or else a random 10 % of the former.

    Args:
        path: the folder of the archives.
        image_size: pixels a side, resized from 105 (bilinear, antialiased).
        binarize: None, `"dynamic"` or `"fixed"`, see `transforms.Binarized`.

    Raises:
        ValueError: there are no archives, or a damaged one.
    """
    if image_size < 1:
        raise ValueError(f"image_size: expected a positive number, got {image_size}")
    folder = Path(path).expanduser()
    background = _present(folder, BACKGROUND) or _present(folder, BACKGROUND_SMALL)
    if not background:
        raise ValueError(
            f"path: expected a folder with {BACKGROUND[0]} or {' and '.join(BACKGROUND_SMALL)}, "
            f"got {folder} without; download from {ORIGIN}"
        )
    train, evaluation = _source(background, image_size), _present(folder, EVALUATION)
    splits = {"train": train, "test": _source(evaluation, image_size)} if evaluation else None
    return transformed(splits or holdout(train), binarize=binarize)


def _present(folder: Path, names: Sequence[str]) -> list[Path]:
    return [folder / name for name in names if (folder / name).is_file()]


def _source(archives: Sequence[Path], image_size: int) -> Source:
    stamps = [(os.path.realpath(archive), *stamp_of(archive)) for archive in archives]
    cache = cache_path("omniglot", (stamps, image_size))
    shape = (image_size, image_size, 1)
    with ExitStack() as stack:
        # The small sets share two alphabets: a drawing is known by its path inside the archive.
        drawings: dict[str, tuple[zipfile.ZipFile, str]] = {}
        for archive in archives:
            try:
                contents = stack.enter_context(zipfile.ZipFile(archive))
            except (OSError, zipfile.BadZipFile) as error:
                raise _damaged(archive, error) from error
            names = [name for name in sorted(contents.namelist()) if name.endswith(".png")]
            for name in names:
                if not any(map(is_hidden, name.split("/"))):
                    drawings.setdefault(name.partition("/")[2], (contents, name))
        if not drawings:
            raise _damaged(archives[0], "without drawings")
        entries = list(drawings.values())

        def read(index: int) -> np.ndarray:
            return _drawing(*entries[index], image_size)

        return ArraySource(decoded(cache, len(entries), shape, read, description="omniglot"))


def _drawing(archive: zipfile.ZipFile, name: str, image_size: int) -> np.ndarray:
    """A drawing in an archive, ink 255 on paper 0, [image_size, image_size, 1] uint8."""
    from PIL import Image

    try:
        drawing, _ = opened(io.BytesIO(archive.read(name)), 1, name="drawing")
    except Exception as error:  # of a picture, of zip, zlib, a compression or encryption unknown
        raise _damaged(f"{name} in {archive.filename}", error) from error
    resized = drawing.resize((image_size, image_size), Image.Resampling.BILINEAR)
    return 255 - np.asarray(resized)[..., None]


def _damaged(what: object, problem: object) -> ValueError:
    return ValueError(f"path: expected whole archives, got a damaged {what} ({problem})")
