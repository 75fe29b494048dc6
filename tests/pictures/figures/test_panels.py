import jax.numpy as jnp
import numpy as np
import pytest

from vaejax.pictures.figures import (
    panels,
    reconstructions,
    samples,
    titled_rows,
    traversal_frames,
    traversals,
)
from vaejax.pictures.figures.grid import BACKGROUND, PADDING, image_grid


def shades(*shape: int) -> np.ndarray:
    """Images [*shape, 8, 6, 1], each of its own shade of grey."""
    values = np.linspace(0.1, 0.9, int(np.prod(shape))).reshape(shape)
    return values[..., None, None, None] * np.ones((8, 6, 1))


def tile_shades(picture: np.ndarray, rows: int, columns: int, scale: int) -> np.ndarray:
    """The shade [rows, columns] at the middle of every tile of a panel, labels left aside."""
    height, width = 8 * scale + PADDING, 6 * scale + PADDING
    grid = picture[: rows * height + PADDING, -(columns * width + PADDING) :]
    assert grid.shape[0] == rows * height + PADDING
    return grid[PADDING + height // 2 :: height, PADDING + width // 2 :: width, 0][:rows, :columns]


def expected_shades(images: np.ndarray) -> np.ndarray:
    return np.rint(images[..., 0, 0, 0] * 255)


def labels(picture: np.ndarray, rows: int, columns: int, scale: int) -> list[np.ndarray]:
    """The part of a panel left of each row's images."""
    width, height = (
        n * (size * scale + PADDING) + PADDING for n, size in ((columns, 6), (rows, 8))
    )
    return np.split(picture[PADDING:][:height, :-width], rows)


KL = np.array([0.5, 3.0, 0.12, 1.0])
ORDER = [1, 3, 0, 2]


def test_traversals_are_ordered_by_kl():
    images = shades(4, 5)
    picture = traversals(jnp.asarray(images), jnp.asarray(KL))
    assert picture.dtype == np.uint8
    np.testing.assert_array_equal(tile_shades(picture, 4, 5, 14), expected_shades(images[ORDER]))


def test_traversals_are_labelled():
    rows = labels(traversals(shades(4, 5), KL), 4, 5, 14)
    ink = [int((row < BACKGROUND).any(-1).sum()) for row in rows]
    assert min(ink) > 50
    assert len({row.tobytes() for row in rows}) == 4
    # The bar below the text: as long as the KL is large.
    bars = [int((row[..., 2].astype(int) - row[..., 0] > 40).any(0).sum()) for row in rows]
    longest = bars[0]
    np.testing.assert_allclose(bars, [longest, longest / 3, longest / 6, longest / 25], atol=2)


def test_unused_latents_are_one_line():
    kl = np.array([0.09, 3.0, 0.0, 1.0])
    picture, two = traversals(shades(4, 5), kl), traversals(shades(4, 5)[[1, 3]], kl[[1, 3]])
    np.testing.assert_array_equal(
        tile_shades(picture, 2, 5, 14), expected_shades(shades(4, 5)[[1, 3]])
    )
    line = picture[len(two) :]
    assert 0 < len(line) < 30 and (line < BACKGROUND).any()
    frames, of_two = (traversal_frames(shades(n, 3, 5), kl[-n:]) for n in (4, 1))
    assert frames.shape[1] == of_two.shape[1] + (8 * 8 + PADDING) + len(line)


@pytest.mark.parametrize(
    ("kl", "rows", "line"),
    [
        ([0.5, 3.0], None, ""),
        ([0.09, 3.0, -0.001], None, "2 latents unused (below 0.1 nats)"),
        ([0.09, 3.0, 1.0], None, "1 latent unused (below 0.1 nats)"),
        ([0.09, 3.0, 1.0, 2.0], 1, "1 latent unused (below 0.1 nats), 2 more in use"),
        ([0.5, 3.0], 1, "1 more in use"),
        ([0.0, 0.0], None, "2 latents unused (below 0.1 nats)"),
        ([np.nan, 3.0, 0.0], None, "1 latent unused (below 0.1 nats)"),
        (None, 1, ""),
    ],
)
def test_what_has_no_row_is_counted(monkeypatch, kl, rows, line):
    told = []
    monkeypatch.setattr(panels, "_above", lambda picture, text: told.append(text) or picture)
    size = 2 if kl is None else len(kl)
    traversals(shades(size, 3), kl and np.array(kl), rows=rows)
    assert told == [line]


def test_rows_may_be_named():
    plain = traversals(shades(2, 3), KL[:2])
    named = traversals(shades(2, 3), KL[:2], names=["", "x, 97 %"])
    assert named.shape[1] > plain.shape[1]  # "z1: x, 97 %" is wider than "0.50 nats"
    np.testing.assert_array_equal(tile_shades(named, 2, 3, 14), tile_shades(plain, 2, 3, 14))


def test_all_latents_may_be_off():
    assert traversals(shades(2, 3), np.zeros(2)).dtype == np.uint8


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_latent_that_has_diverged_has_no_bar(bad):
    kl = np.array([0.5, bad, 1.0])
    shown = 2 if bad == -np.inf else 3
    rows = labels(traversals(shades(3, 5), kl), shown, 5, 14)
    bars = sorted(int((row[..., 2].astype(int) - row[..., 0] > 40).any(0).sum()) for row in rows)
    np.testing.assert_allclose(bars[-2:], [bars[-1] / 2, bars[-1]], atol=1.5)
    assert sum(bars[:-2]) <= 1
    assert bars[-1] > 0


def test_frames_sweep_there_and_back():
    images = shades(4, 3, 5)
    frames = traversal_frames(images, KL)
    assert len(frames) == 8
    for frame, t in zip(frames, [0, 1, 2, 3, 4, 3, 2, 1], strict=True):
        expected = expected_shades(images[ORDER, :, t])
        np.testing.assert_array_equal(tile_shades(frame, 4, 3, 8), expected)
        np.testing.assert_array_equal(labels(frame, 4, 3, 8), labels(frames[0], 4, 3, 8))
    assert len(traversal_frames(images[:, :, :2], KL)) == 2
    assert len(traversal_frames(images[:, :, :1], KL)) == 1


def test_frames_can_be_enlarged():
    frames = traversal_frames(shades(4, 3, 2), KL, scale=10)
    np.testing.assert_array_equal(
        tile_shades(frames[1], 4, 3, 10), expected_shades(shades(4, 3, 2)[ORDER, :, 1])
    )


def test_originals_stand_above_their_reconstructions():
    originals, outputs = shades(7), shades(7) / 2
    picture = reconstructions(originals, outputs, columns=4)
    upper, lower = np.split(picture, 2)
    for block, chunk in ((upper, slice(0, 4)), (lower, slice(4, 7))):
        found = tile_shades(block, 2, 4, 14)
        for row, images in zip(found, (originals, outputs), strict=True):
            expected = np.full(4, BACKGROUND)
            expected[: len(images[chunk])] = expected_shades(images[chunk])
            np.testing.assert_array_equal(row, expected)
    above, below = labels(upper, 2, 4, 14)
    assert (above < BACKGROUND).any() and (below < BACKGROUND).any() and (above != below).any()


def test_few_pairs_make_a_narrow_panel():
    two, eight = (reconstructions(shades(n), shades(n)) for n in (2, 8))
    assert eight.shape[1] - two.shape[1] == 6 * (6 * 14 + PADDING)


def test_samples():
    np.testing.assert_array_equal(samples(shades(9)), image_grid(shades(9), columns=3))


def test_rows_have_titles_beside_their_images():
    images = shades(3, 5)
    picture, grid = (
        titled_rows(images, ["a", "long", "c"]),
        image_grid(np.concatenate(images), columns=5),
    )
    np.testing.assert_array_equal(picture[:, -grid.shape[1] :], grid)
    beside = picture[:, : -grid.shape[1]]
    assert all((part < 100).any() for part in np.array_split(beside, 3))  # each has its text


@pytest.mark.parametrize(
    "message, call",
    [
        (
            r"^images: expected \[2, T, H, W, C\], got",
            lambda: titled_rows(shades(3, 5), ["a", "b"]),
        ),
        (r"^images: expected \[D, T, H, W, C\], got", lambda: traversals(shades(4), KL)),
        (r"^images: expected \[D, S, T, .*, got", lambda: traversal_frames(shades(4, 3), KL)),
        (r"^kl: expected \[3\], .*, got \(4,\)", lambda: traversals(shades(3, 5), KL)),
        (r"^reconstructions: expected shape", lambda: reconstructions(shades(3), shades(4))),
    ],
)
def test_errors(message, call):
    with pytest.raises(ValueError, match=message):
        call()


def test_only_the_most_informative_latents_are_shown_if_asked():
    """Latent 1 has the highest KL: alone, its row is the first of the whole panel."""
    images = np.linspace(0.0, 1.0, 3)[:, None, None, None, None] * np.ones((3, 2, 8, 8, 1))
    kl = np.array([0.1, 2.0, 1.0])
    whole, top = traversals(images, kl), traversals(images, kl, rows=1)
    assert len(top) < len(whole)
    columns = -100  # right of the labels
    np.testing.assert_array_equal(top[:50, columns:], whole[:50, columns:])
    frames = np.repeat(images[:, None], 2, axis=1)
    assert traversal_frames(frames, kl, rows=2).shape[1] < traversal_frames(frames, kl).shape[1]
