"""Opens a picture file, upright, on a white page, in 8 bits; every data set of files opens it here.

What a viewer shows is what is trained on. Where the pixels are not those in the file, the caller
hears of it, so that a data set can say what was done to its pictures.
"""

import os
from typing import IO, Any, NamedTuple

import numpy as np

BACKGROUND = (255, 255, 255)
"""White: what shows through transparent pixels. Whatever colour they hide does not."""

SIXTEEN_BITS = "reduced from 16 bits to 8"
TRANSPARENT = "composed on white where transparent"
CMYK = "converted from CMYK"
ANIMATED = "the first of several frames"
CHANGES = (SIXTEEN_BITS, TRANSPARENT, CMYK, ANIMATED)


class Opened(NamedTuple):
    """A picture, and which of `CHANGES` were made to it.

    Attributes:
        picture: a `PIL.Image.Image` in mode RGB or L.
        changes: what was done to its pixels.
    """

    picture: Any
    changes: tuple[str, ...]


def opened(file: str | os.PathLike | IO[bytes], channels: int, *, name: object = None) -> Opened:
    """The picture in a file, turned upright as its EXIF orientation says.

    Of 16-bit values the first 8 bits are kept, in grey as in colour. Transparency of any kind is
    composed on `BACKGROUND`. Of an animation, and of several pages, the first is taken.

    Args:
        file: path, or the bytes as a file.
        channels: 3 for RGB, 1 for grey.
        name: names the file in messages; by default `file`.

    Raises:
        ValueError: the file is damaged, larger than `PIL.Image.MAX_IMAGE_PIXELS`, or its pixels
            have no known range.
    """
    from PIL import Image

    name = file if name is None else name
    too_large = Image.DecompressionBombError, Image.DecompressionBombWarning
    try:
        with Image.open(file) as picture:
            if picture.format == "EPS":  # Pillow would have Ghostscript run it
                raise _Unfit("PostScript, which is a program")
            most = Image.MAX_IMAGE_PIXELS
            if most is not None and picture.width * picture.height > most:
                raise Image.DecompressionBombError
            found = _upright(picture)
        return Opened(found.picture.convert("RGB" if channels == 3 else "L"), found.changes)
    except _Unfit as error:
        raise ValueError(f"expected a picture of 8 or 16 bits, got {name} of {error}") from None
    except too_large:
        raise ValueError(
            f"expected pictures of at most {Image.MAX_IMAGE_PIXELS:,} pixels, got a larger {name}; "
            "make it smaller, or set PIL.Image.MAX_IMAGE_PIXELS"
        ) from None
    except Exception as error:  # Pillow raises what its decoders come upon, which may be anything
        raise ValueError(f"expected a whole picture, got a damaged {name} ({error})") from error


class _Unfit(Exception):
    """A whole file whose pixels cannot be made 8-bit grey or colour; the message says of what."""


def _upright(picture: Any) -> Opened:
    """A picture just opened, in any mode without transparency that Pillow converts to RGB."""
    from PIL import ImageOps

    stored = str(picture.tile[0].args) if picture.tile else ""  # "RGB;16B": gone once it is loaded
    sixteen_bits = ";16" in stored or picture.mode.startswith("I")
    changes = {
        SIXTEEN_BITS: sixteen_bits,
        CMYK: picture.mode == "CMYK",
        # A JPEG of several (MPO) holds previews and depths beside the photograph.
        ANIMATED: getattr(picture, "is_animated", False) and picture.format != "MPO",
    }
    transparent = picture.info.get("transparency")  # of a PNG: one grey or colour that is
    if transparent is not None and stored in ("L;2", "L;4"):
        picture.info["transparency"] = transparent * {"L;2": 85, "L;4": 17}[stored]
    if transparent is not None and stored.startswith("RGB;16"):
        raise _Unfit("16-bit colours, one of them transparent")
    picture = ImageOps.exif_transpose(picture)
    if picture.mode.startswith("I"):
        picture = _eight_bits(picture, transparent)
    elif picture.mode in ("F", "LAB"):
        raise _Unfit(f"mode {picture.mode}")
    if picture.has_transparency_data:
        picture, changes[TRANSPARENT] = _on_background(picture)
    return Opened(picture, tuple(change for change in CHANGES if changes.get(change)))


def _eight_bits(picture: Any, transparent: int | None) -> Any:
    """The first 8 of the 16 bits of a grey picture, with an alpha channel if a grey is clear."""
    from PIL import Image

    values = np.asarray(picture)
    if not 0 <= values.min() <= values.max() < 2**16:
        raise _Unfit(f"values from {values.min()} to {values.max()}")
    grey = Image.fromarray((values >> 8).astype(np.uint8))
    if transparent is not None:
        alpha = np.where(values == transparent, 0, 255).astype(np.uint8)
        grey = Image.merge("LA", (grey, Image.fromarray(alpha)))
    return grey


def _on_background(picture: Any) -> tuple[Any, bool]:
    """A picture with transparency data over `BACKGROUND`, and whether any of it shows through."""
    from PIL import Image

    picture = picture.convert("RGBA")
    lowest, _ = picture.getextrema()[3]
    if lowest == 255:
        return picture, False
    background = Image.new("RGBA", picture.size, (*BACKGROUND, 255))
    return Image.alpha_composite(background, picture), True
