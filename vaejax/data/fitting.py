"""How a picture of any size comes to the size that a model sees: cut, stretched, or padded."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, get_args

from vaejax.core.checks import check_counts
from vaejax.data.opening import BACKGROUND

Aspect = Literal["crop", "stretch", "pad"]
"""What is done to a picture of another shape: its edges are cut off, it is stretched, or it is
shown whole on a white page."""


class Fit(NamedTuple):
    """A size, and how pictures come to it; made by `fit`.

    Attributes:
        height: of the images.
        width: of the images.
        crop: side of the square cut from the middle of each picture first, or None.
        aspect: what is done to pictures of another shape.
    """

    height: int
    width: int
    crop: int | None
    aspect: Aspect

    def __call__(self, picture: Any, name: object) -> Any:
        """A `PIL.Image.Image` of this size, resized (bilinear, antialiased) from another.

        Args:
            picture: in mode RGB or L.
            name: names it in messages.

        Raises:
            ValueError: it is smaller than `crop`.
        """
        from PIL import Image

        bilinear, size = Image.Resampling.BILINEAR, (self.width, self.height)
        if self.aspect == "pad":
            scale = min(self.width / picture.width, self.height / picture.height)
            width, height = (max(1, round(scale * side)) for side in picture.size)
            page = Image.new("RGB", size, BACKGROUND).convert(picture.mode)
            whole = picture.resize((width, height), bilinear)
            page.paste(whole, ((self.width - width) // 2, (self.height - height) // 2))
            return page
        if self.aspect == "crop":
            picture = picture.crop(self._middle(picture.width, picture.height, name))
        return picture.resize(size, bilinear)

    def _middle(self, width: int, height: int, name: object) -> tuple[int, int, int, int]:
        """The box in the middle of a picture, as large as fits with the shape of the images."""
        if self.crop and self.crop > min(width, height):
            raise ValueError(
                f"crop: expected at most the shorter side of every picture, got {self.crop} "
                f"for {name} of {width} x {height}"
            )
        inner_width = self.crop or max(1, min(width, round(height * self.width / self.height)))
        inner_height = self.crop or max(1, min(height, round(width * self.height / self.width)))
        left, top = (width - inner_width) // 2, (height - inner_height) // 2
        return left, top, left + inner_width, top + inner_height


def fit(
    image_size: int | Sequence[int], *, crop: int | None = None, aspect: Aspect = "crop"
) -> Fit:
    """A size, and how pictures come to it, checked.

    Args:
        image_size: pixels a side, or (height, width).
        crop: side of the square cut from the middle of each picture; None cuts out the largest
            part that has the shape of the images.
        aspect: what is done to pictures of another shape, see `Aspect`.

    Raises:
        ValueError: they are no such things, or `crop` is beside anything but squares.
    """
    sides = (image_size,) * 2 if isinstance(image_size, int) else tuple(image_size)
    if len(sides) != 2 or not all(isinstance(side, int) and side > 0 for side in sides):
        raise ValueError(
            f"image_size: expected a positive number or (height, width), got {image_size!r}"
        )
    if aspect not in get_args(Aspect):
        raise ValueError(f"aspect: expected one of {get_args(Aspect)}, got {aspect!r}")
    if crop is not None:
        check_counts(crop=(crop, 1))
        if aspect != "crop" or sides[0] != sides[1]:
            raise ValueError(
                f"crop: expected None for images of {sides[0]} x {sides[1]} by aspect={aspect!r}, "
                f"got {crop}: it is the side of a square"
            )
    return Fit(*sides, crop, aspect)
