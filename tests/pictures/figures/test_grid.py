import numpy as np
import pytest
from PIL import Image

from vaejax.pictures.figures import image_grid, load_png, save_gif, save_png
from vaejax.pictures.figures.grid import BACKGROUND, comfortable_scale


def test_places_images_row_by_row():
    images = np.linspace(0, 1, 5)[:, None, None, None] * np.ones((5, 3, 2, 1))
    picture = image_grid(images, columns=3, padding=1, scale=1)
    assert picture.shape == (2 * 4 + 1, 3 * 3 + 1, 3) and picture.dtype == np.uint8
    tiles = picture[:8, :9].reshape(2, 4, 3, 3, 3).transpose(0, 2, 1, 3, 4).reshape(6, 4, 3, 3)
    for tile, value in zip(tiles, [0, 64, 128, 191, 255, BACKGROUND], strict=True):
        assert (tile[1:, 1:] == value).all()
        assert (tile[0] == BACKGROUND).all() and (tile[:, 0] == BACKGROUND).all()
    assert (picture[-1] == BACKGROUND).all() and (picture[:, -1] == BACKGROUND).all()


def test_an_image_is_shown_pixel_by_pixel():
    image = np.random.default_rng(0).integers(0, 256, (4, 5, 3)).astype(np.uint8)
    picture = image_grid(image[None] / 255, padding=2, scale=3)
    np.testing.assert_array_equal(picture[2:-2:3, 2:-2:3], image)
    np.testing.assert_array_equal(picture[4:-2:3, 4:-2:3], image)


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5, 13])
def test_images_of_any_number_of_channels(channels):
    image = np.random.default_rng(0).integers(0, 256, (4, 5, channels)).astype(np.uint8)
    picture = image_grid(image[None] / 255, padding=0, scale=1)
    assert picture.shape == (4, 5, 3)
    for colour in range(3):
        shown = image[..., 0] if channels == 1 else np.zeros((4, 5))
        shown = image[..., colour] if colour < channels else shown
        np.testing.assert_array_equal(picture[..., colour], shown)


def test_values_that_are_no_colours():
    values = np.array([-1.0, 0.5, 2.0, np.nan, np.inf, -np.inf], np.float32)
    picture = image_grid(values[None, None, :, None], padding=0, scale=1)
    assert picture[0, :, 0].tolist() == [0, 128, 255, 0, 255, 0]


def test_is_nearly_square_by_default():
    assert image_grid(np.zeros((10, 8, 8, 1)), padding=0, scale=1).shape == (24, 32, 3)


@pytest.mark.parametrize(
    "height, scale", [(8, 14), (28, 4), (32, 4), (64, 2), (128, 1), (256, 1), (1024, 1)]
)
def test_scale_by_default(height, scale):
    assert comfortable_scale(height) == scale
    picture = image_grid(np.zeros((1, height, 4, 1)), padding=0)
    assert picture.shape == (scale * height, scale * 4, 3)


@pytest.mark.parametrize(
    "message, images, kwargs",
    [
        (r"^images: expected .*, got \(2, 8, 8\)", np.zeros((2, 8, 8)), {}),
        (r"^images: expected .*, got \(2, 8, 8, 0\)", np.zeros((2, 8, 8, 0)), {}),
        (r"^images: expected .*, got \(0, 8, 8, 1\)", np.zeros((0, 8, 8, 1)), {}),
        (r"^columns: expected .*, got 0", np.zeros((2, 8, 8, 1)), {"columns": 0}),
        (r"^scale: expected .*, got 0", np.zeros((2, 8, 8, 1)), {"scale": 0}),
    ],
)
def test_errors(message, images, kwargs):
    with pytest.raises(ValueError, match=message):
        image_grid(images, **kwargs)


def test_png_is_exact(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(np.uint8)
    path = tmp_path / "figures" / "picture.png"
    save_png(path, picture)
    np.testing.assert_array_equal(load_png(path), picture)


def moving_disc(num_frames: int, colour: tuple[float, float, float]) -> np.ndarray:
    """Frames of a soft disc that wanders to the right over a grey background."""
    y, x = np.mgrid[:40, :60]
    discs = [np.exp(-((x - 5 * t - 10) ** 2 + (y - 20) ** 2) / 60) for t in range(num_frames)]
    shade = np.stack(discs)[..., None] * np.array(colour)
    return np.rint(shade * 200 + 20).astype(np.uint8)


@pytest.mark.parametrize("colour", [(1.0, 1.0, 1.0), (1.0, 0.6, 0.2)])
def test_gif_shows_every_frame_forever(tmp_path, colour):
    frames = moving_disc(8, colour)
    save_gif(tmp_path / "figures" / "disc.gif", frames, fps=20)
    with Image.open(tmp_path / "figures" / "disc.gif") as animation:
        assert animation.info["loop"] == 0
        assert animation.n_frames == len(frames)
        for t, frame in enumerate(frames):
            animation.seek(t)
            assert animation.info["duration"] == 50
            shown = np.asarray(animation.convert("RGB")).astype(int)
            assert abs(shown - frame).max() <= 8  # a palette of 256 colours for all frames


def test_gif_pays_only_for_what_moves(tmp_path):
    still = np.random.default_rng(0).integers(0, 256, (1, 100, 100, 3)).astype(np.uint8)
    frames = np.repeat(still, 10, 0)
    for t in range(10):
        frames[t, 10:20, 5 * t : 5 * t + 10] = 0
    save_gif(tmp_path / "one.gif", frames[:1])
    save_gif(tmp_path / "ten.gif", frames)
    one, ten = ((tmp_path / name).stat().st_size for name in ("one.gif", "ten.gif"))
    assert ten < 2 * one


@pytest.mark.parametrize("fps", [0, -1, 51, np.nan])
def test_gif_speed(tmp_path, fps):
    with pytest.raises(ValueError, match=r"^fps: expected"):
        save_gif(tmp_path / "disc.gif", moving_disc(2, (1, 1, 1)), fps=fps)
