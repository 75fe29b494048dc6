"""The figures a paper on VAEs shows: reconstructions, samples and latent traversals.

Images are [..., H, W, C] in [0, 1]; a panel is a uint8 picture [h, w, 3].

References:
    Higgins et al., beta-VAE, 2017, Fig. 1 (traversals, one latent per row).
    Burgess et al., Understanding disentangling in beta-VAE, 2018, Fig. 2 (rows ordered by KL).
"""

from collections.abc import Sequence

import numpy as np

from vaejax.pictures.figures.grid import BACKGROUND, PADDING, Picture, comfortable_scale, image_grid
from vaejax.types import AnyArray

_INK, _PALE_INK, _BAR = (40, 40, 40), (120, 120, 120), (110, 145, 190)
_MARGIN = 12
FAINT = 0.1  # nats: the row of a latent that carries less shows nothing that an eye can see


def reconstructions(originals: AnyArray, reconstructions: AnyArray, *, columns: int = 8) -> Picture:
    """Images [N, H, W, C] above their reconstructions [N, H, W, C], `columns` pairs in a row."""
    originals, reconstructions = np.asarray(originals), np.asarray(reconstructions)
    if originals.shape != reconstructions.shape:
        raise ValueError(
            f"reconstructions: expected shape {originals.shape} as the originals have, "
            f"got {reconstructions.shape}"
        )
    columns = min(columns, len(originals))
    blocks = []
    for start in range(0, len(originals), columns):
        above, below = (
            image_grid(images[start : start + columns], columns=columns)
            for images in (originals, reconstructions)
        )
        pairs = np.concatenate([above, below[PADDING:]])
        blocks.append(_beside(_labels([("input", ""), ("output", "")], len(pairs)), pairs))
    return np.concatenate(blocks)


def samples(images: AnyArray) -> Picture:
    """Images [N, H, W, C] drawn from a model, as square a panel as they make."""
    return image_grid(images)


def titled_rows(images: AnyArray, titles: Sequence[str]) -> Picture:
    """Images [R, T, H, W, C] in R rows, each with its title on the left."""
    images = np.asarray(images)
    if images.ndim != 5 or len(images) != len(titles):
        raise ValueError(f"images: expected [{len(titles)}, T, H, W, C], got {images.shape}")
    grid = image_grid(np.concatenate(images), columns=images.shape[1])
    return _beside(_labels([(title, "") for title in titles], len(grid)), grid)


def traversals(
    images: AnyArray,
    kl: AnyArray | None,
    *,
    names: Sequence[str] | None = None,
    rows: int | None = None,
) -> Picture:
    """What each latent changes: one row per latent, its value rising from left to right.

    Latents that carry less than `FAINT` nats have no row; a line below says how many they are.

    Args:
        images: [D, T, H, W, C], latent d at its t-th value and the others fixed.
        kl: [D], nats; rows are ordered by it, highest first, and labelled with it. None, where the
            KL does not come apart by latent, leaves them in their own order, all of them.
        names: [D], what each latent stands for; empty where it is not known.
        rows: show only that many, the first in the order.
    """
    images, kl, order = _checked(images, kl, rows, "[D, T, H, W, C]")
    grid = image_grid(np.concatenate(images[order]), columns=images.shape[1])
    picture = _beside(_latent_labels(kl, names, order, len(grid)), grid)
    return _above(picture, _left_out(kl, order))


def traversal_frames(
    images: AnyArray,
    kl: AnyArray | None,
    *,
    names: Sequence[str] | None = None,
    rows: int | None = None,
    scale: int | None = None,
) -> np.ndarray:
    """Frames of an animation: one row per latent, one column per starting point.

    In frame t every image shows its row's latent at the t-th value; after the last value the frames
    run back to the first, so that the animation repeats without a jump.

    Args:
        images: [D, S, T, H, W, C], S starting points (samples of the prior, say).
        kl: [D], nats, or None, as in `traversals`.
        names: [D], or None, likewise.
        rows: show only that many, the first in the order.
        scale: each pixel becomes a block of scale x scale; by default what brings images near 64
            pixels in height, so that the file stays small.

    Returns:
        Frames, uint8 [2 T - 2, h, w, 3].
    """
    images, kl, order = _checked(images, kl, rows, "[D, S, T, H, W, C]")
    scale = scale or comfortable_scale(images.shape[3], 64)
    there = [
        image_grid(np.concatenate(images[order, :, t]), columns=images.shape[1], scale=scale)
        for t in range(images.shape[2])
    ]
    labels, line = _latent_labels(kl, names, order, len(there[0])), _left_out(kl, order)
    return np.stack([_above(_beside(labels, grid), line) for grid in there + there[-2:0:-1]])


def _checked(
    images: object, kl: object, rows: int | None, shape: str
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
    """Images, KL, and which latents to show in which order."""
    images = np.asarray(images)
    if images.ndim != shape.count(",") + 1:
        raise ValueError(f"images: expected {shape}, got {images.shape}")
    if kl is None:
        return images, None, np.arange(len(images))[:rows]
    kl = np.asarray(kl)
    if kl.shape != images.shape[:1]:
        raise ValueError(f"kl: expected [{len(images)}], one per latent, got {kl.shape}")
    order = np.argsort(-kl, kind="stable")
    in_use = max(1, int((~(kl < FAINT)).sum()))  # NaN is not below; of none, one is shown
    return images, kl, order[:in_use][:rows]


def _left_out(kl: np.ndarray | None, order: np.ndarray) -> str:
    """What to say of latents without a row, "7 latents unused (below 0.1 nats)", if of any."""
    if kl is None:
        return ""
    unused = int((kl < FAINT).sum())
    hidden = len(kl) - unused - len(order)
    told = []
    if unused:
        told.append(f"{unused} latent{'s' * (unused > 1)} unused (below {FAINT} nats)")
    if hidden > 0:
        told.append(f"{hidden} more in use")
    return ", ".join(told)


def _latent_labels(
    kl: np.ndarray | None, names: Sequence[str] | None, order: np.ndarray, height: int
) -> Picture:
    """ "z3: x, 97 %" and "2.13 nats" for each row, with a bar in proportion to the KL."""
    titles = [f"z{d}: {names[d]}" if names is not None and names[d] else f"z{d}" for d in order]
    if kl is None:
        return _labels([(title, "") for title in titles], height)
    texts = [(title, f"{kl[d]:.2f} nats") for title, d in zip(titles, order, strict=True)]
    lengths = np.where(np.isfinite(kl), kl, 0.0)  # of a model that has diverged: no bar
    return _labels(texts, height, lengths[order] / max(lengths.max(), 1e-9))


def _labels(
    texts: Sequence[tuple[str, str]], height: int, bars: Sequence[float] | None = None
) -> Picture:
    """A column of labels for the rows of a grid of `height` pixels.

    Args:
        texts: first and second line for each row.
        height: of the grid that the labels stand beside.
        bars: for each row the length of a bar below its text, as a share of the column's width.
    """
    from PIL import Image, ImageDraw, ImageFont

    fonts = ImageFont.load_default(18), ImageFont.load_default(14)
    width = max(
        font.getlength(line) for lines in texts for line, font in zip(lines, fonts, strict=True)
    )
    column = Image.new("RGB", (int(width) + 2 * _MARGIN, height), (BACKGROUND,) * 3)
    draw = ImageDraw.Draw(column)
    right = column.width - _MARGIN
    for row, (title, detail) in enumerate(texts):
        middle = PADDING + (row + 0.5) * (height - PADDING) / len(texts) - PADDING / 2
        if not detail:
            draw.text((right, middle), title, fill=_INK, font=fonts[0], anchor="rm")
            continue
        draw.text((right, middle - 12), title, fill=_INK, font=fonts[0], anchor="rm")
        draw.text((right, middle + 7), detail, fill=_PALE_INK, font=fonts[1], anchor="rm")
        if bars is not None and round(width * bars[row]):
            draw.rectangle((right - width * bars[row], middle + 19, right, middle + 21), fill=_BAR)
    return np.asarray(column)


def _above(picture: Picture, line: str) -> Picture:
    """A picture with a line of text below it, where there is any to show."""
    if not line:
        return picture
    from PIL import Image, ImageDraw, ImageFont

    strip = Image.new("RGB", (picture.shape[1], 2 * _MARGIN), (BACKGROUND,) * 3)
    place = (_MARGIN, _MARGIN - PADDING)
    ImageDraw.Draw(strip).text(
        place, line, fill=_PALE_INK, font=ImageFont.load_default(14), anchor="lm"
    )
    return np.concatenate([picture, np.asarray(strip)])


def _beside(left: Picture, right: Picture) -> Picture:
    return np.concatenate([left, right], axis=1)
