"""Images in a grid, and grids in files.

Images are [N, H, W, C] in [0, 1]. One channel is shown grey; of several the first three are red,
green and blue, without blue where there are two. Pixels stay square and sharp: an image is enlarged
by a whole number, each pixel to a block.
"""

import io
import os
from collections.abc import Sequence

import numpy as np

from vaejax.core.checks import check_counts
from vaejax.core.files import write_whole
from vaejax.types import AnyArray

Picture = np.ndarray
"""uint8 [h, w, 3]."""

BACKGROUND = 240
"""A light grey, on which images that are white or black at their edge both stand out."""

PADDING = 4
"""Pixels between two images and around them all."""


def image_grid(
    images: AnyArray,
    *,
    columns: int | None = None,
    padding: int = PADDING,
    scale: int | None = None,
) -> Picture:
    """Images in rows, left to right and top to bottom, even gaps between and around them.

    Args:
        images: [N, H, W, C] in [0, 1]; values outside are clipped, NaN is black.
        columns: images per row; as square as possible by default.
        padding: pixels of background between images.
        scale: each pixel becomes a block of scale x scale; by default `comfortable_scale`.
    """
    images = np.asarray(images)
    if images.ndim != 4 or 0 in images.shape:
        raise ValueError(f"images: expected [N, H, W, C], none of them 0, got {images.shape}")
    columns = int(np.ceil(np.sqrt(len(images)))) if columns is None else columns
    scale = comfortable_scale(images.shape[1]) if scale is None else scale
    check_counts(columns=(columns, 1), scale=(scale, 1))
    tiles = _shown(np.rint(np.clip(np.nan_to_num(images), 0, 1) * 255).astype(np.uint8))
    tiles = tiles.repeat(scale, 1).repeat(scale, 2)
    rows = -(-len(tiles) // columns)
    height, width = tiles.shape[1] + padding, tiles.shape[2] + padding
    shape = (rows * height + padding, columns * width + padding, 3)
    picture = np.full(shape, BACKGROUND, np.uint8)
    for n, tile in enumerate(tiles):
        top, left = padding + n // columns * height, padding + n % columns * width
        picture[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
    return picture


def _shown(tiles: np.ndarray) -> np.ndarray:
    """Images of any number of channels in three, [N, H, W, 3]."""
    num_channels = tiles.shape[-1]
    if num_channels == 1:
        return np.broadcast_to(tiles, (*tiles.shape[:3], 3))
    return np.pad(tiles[..., :3], [(0, 0)] * 3 + [(0, max(0, 3 - num_channels))])


def comfortable_scale(image_height: int, height: int = 112) -> int:
    """The whole number that brings images nearest to `height` pixels on the screen, at least 1."""
    return max(1, round(height / image_height))


def save_png(path: str | os.PathLike[str], picture: Picture) -> None:
    """Write a picture, uint8 [h, w, 3], as a PNG file; makes its folder if missing."""
    from PIL import Image

    content = io.BytesIO()
    Image.fromarray(picture).save(content, format="PNG")  # `optimize`: 8 times the time for 1 %
    write_whole(path, content.getvalue())


def load_png(path: str | os.PathLike[str]) -> Picture:
    """Read a picture, uint8 [h, w, 3], that `save_png` wrote."""
    from PIL import Image

    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def save_gif(
    path: str | os.PathLike[str], frames: np.ndarray | Sequence[Picture], *, fps: float = 12.0
) -> None:
    """Write frames, uint8 [T, h, w, 3], as an animation that repeats forever.

    All frames share one palette of 256 colours chosen for them, so that nothing flickers and only
    what moves takes up space.

    Args:
        path: of the file; its folder is made if missing.
        frames: the pictures in order.
        fps: frames per second, rounded to what a GIF can hold (whole hundredths of a second a
            frame); browsers show at most 50.
    """
    from PIL import Image

    if not 0 < fps <= 50:
        raise ValueError(f"fps: expected a number in (0, 50], got {fps}")
    content = io.BytesIO()
    colours = np.concatenate(list(frames))
    palette = Image.fromarray(colours).quantize(256, method=Image.Quantize.MEDIANCUT)
    pages = [
        Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE)
        for frame in frames
    ]
    pages[0].save(
        content,
        format="GIF",
        save_all=True,
        append_images=pages[1:],
        duration=1000 / fps,
        loop=0,
        optimize=False,
    )
    write_whole(path, content.getvalue())
