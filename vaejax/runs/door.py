"""How images come to a trained model: looked at, and prepared as those that it was trained on."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import jax
import numpy as np

from vaejax.data import ArraySource, Source
from vaejax.data.array_checks import brightest, check_images
from vaejax.runs.kept_config import FREE_KEYS
from vaejax.types import AnyArray


def entering(
    images: AnyArray | Source, labels: AnyArray | None, like: Source, section: Mapping[str, Any]
) -> Source:
    """Images as a source whose batches a model is to be given.

    Args:
        images: [N, H, W, C] (or [N, H, W] of one channel): integers 0 to 255, bool, or floats in
            [0, 1]; what the data set does to its images (binarised, standardised) is done to them.
            A source gives its batches as they are.
        labels: classes [N] of an array of images.
        like: images of the run.
        section: `config.data`, for messages.

    Raises:
        ValueError: the images are of another shape or range.
    """
    source = images if isinstance(images, Source) else _of_array(images, labels, like)
    if tuple(source.image_shape) != tuple(like.image_shape):
        expected, got = ("x".join(map(str, s.image_shape)) for s in (like, source))
        raise ValueError(
            f"images: expected images of {expected}, as config.data gives them ({_told(section)}), "
            f"got {got}"
        )
    return source if isinstance(images, Source) else like.alike(source)


def _of_array(images: AnyArray, labels: AnyArray | None, like: Source) -> ArraySource:
    images = np.asarray(images) if isinstance(images, jax.Array) else images
    if isinstance(images, np.ndarray) and images.dtype.kind in "iu" and images.size:
        lowest, highest = images.min(), images.max()
        if not 0 <= lowest <= highest <= 255:
            raise ValueError(f"images: expected integers in 0..255, got {lowest} .. {highest}")
        if highest == 1 and like.bits != 1:  # of a binary run they are binary too
            raise ValueError(
                "images: expected integers up to 255, or binary images as bool or floats, got "
                f"{images.dtype} of 0 and 1 only"
            )
        images = images.astype(np.uint8 if highest > 1 else bool)
    check_images(images)
    if images.dtype.kind == "f" and 0 < (highest := brightest(images)) < 1.5 / 255:
        warnings.warn(
            f"images: the brightest pixel of all is {highest:g} of 1; were they divided by 255 "
            "twice?",
            stacklevel=2,
        )
    with warnings.catch_warnings():  # a data set that is dark is told, a few images may well be
        warnings.filterwarnings("ignore", "images: the (brightest pixel|pixels)")
        if labels is None:
            return ArraySource(images)
        return ArraySource(images, labels=np.asarray(labels), num_labels=like.num_labels)


def _told(section: Mapping[str, Any]) -> str:
    """ "mnist, pad=2": the name of a data set and what it is asked for."""
    hidden = {"name", *FREE_KEYS["data"]}
    settings = [f"{name}={value}" for name, value in section.items() if name not in hidden]
    return ", ".join([str(section["name"]), *settings])


@contextmanager
def what_is_missing() -> Iterator[None]:
    """Around a model's use of a batch of images that somebody gave: what it misses there is told.

    Raises:
        ValueError: the model looks for something that the batch does not hold.
    """
    try:
        yield
    except KeyError as error:
        if error.args == ("label",):
            raise ValueError(
                "labels: expected the class of every image, at which this model looks, got none"
            ) from error
        if error.args not in (("factors",), ("noise",)):
            raise
        raise ValueError(
            f"images: expected a data.Source whose batches hold {error}, at which this model "
            "looks, got images alone"
        ) from error
