"""Pictures cut, stretched and padded to a size."""

import numpy as np
import pytest
from PIL import Image

from vaejax.data.fitting import fit

# Six rows, ten columns: black, but for a white left edge of two columns and a grey top row.
PIXELS = np.zeros((6, 10), np.uint8)
PIXELS[0], PIXELS[:, :2] = 100, 255


def fitted(pixels, image_size, **how):
    return np.asarray(fit(image_size, **how)(Image.fromarray(pixels), "x.png"))


def test_the_largest_part_of_the_shape_is_cut_out():
    np.testing.assert_array_equal(fitted(PIXELS, 6), PIXELS[:, 2:8])
    np.testing.assert_array_equal(fitted(PIXELS, (6, 3)), PIXELS[:, 3:6])
    np.testing.assert_array_equal(fitted(PIXELS, (3, 10)), PIXELS[1:4])
    np.testing.assert_array_equal(fitted(PIXELS, 4, crop=4), PIXELS[1:5, 3:7])
    colours = np.stack([PIXELS, PIXELS // 2, PIXELS // 3], axis=-1)
    np.testing.assert_array_equal(fitted(colours, (6, 3)), colours[:, 3:6])


def test_stretched_pictures_keep_their_edges():
    halves = np.repeat(np.uint8([[0, 200]]), 8, axis=0).repeat(8, axis=1)  # 8 x 16
    stretched = fitted(halves, 8, aspect="stretch")
    assert (stretched[:, :3] == 0).all() and (stretched[:, 5:] == 200).all()
    assert fitted(PIXELS, (20, 4), aspect="stretch").shape == (20, 4)


def test_padded_pictures_are_whole_on_a_white_page():
    padded = fitted(PIXELS, 10, aspect="pad")
    np.testing.assert_array_equal(padded[2:8], PIXELS)
    assert (padded[:2] == 255).all() and (padded[8:] == 255).all()
    colours = np.zeros((4, 2, 3), np.uint8)
    padded = fitted(colours, (4, 6), aspect="pad")
    assert (padded[:, 2:4] == 0).all() and (padded[:, [0, 1, 4, 5]] == 255).all()
    assert fitted(np.zeros((1, 1000), np.uint8), 8, aspect="pad").shape == (8, 8)


@pytest.mark.parametrize(
    ("image_size", "how", "message"),
    [
        (0, {}, r"^image_size: expected a positive number or \(height, width\), got 0"),
        ((8, 0), {}, r"^image_size: expected .* got \(8, 0\)"),
        ((8, 8, 3), {}, r"^image_size: expected .* got \(8, 8, 3\)"),
        (8, {"aspect": "fill"}, r"^aspect: expected one of .*'crop', 'stretch', 'pad'"),
        ((8, 4), {"crop": 4}, r"^crop: expected None for images of 8 x 4"),
        (8, {"crop": 4, "aspect": "pad"}, r"^crop: expected None .* aspect='pad', got 4"),
        (8, {"crop": 0}, r"^crop: expected at least 1, got 0"),
    ],
)
def test_what_is_no_size_is_refused(image_size, how, message):
    with pytest.raises(ValueError, match=message):
        fit(image_size, **how)


def test_a_picture_smaller_than_the_crop_is_named():
    with pytest.raises(ValueError, match="^crop: expected .* got 7 for x.png of 10 x 6"):
        fitted(PIXELS, 4, crop=7)
