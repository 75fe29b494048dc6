"""The drawn sprites, against polygons and against frames of the genuine set."""

import numpy as np
from PIL import Image, ImageSequence

from vaejax.data.sprites import FACTOR_SIZES, render

TURN = np.linspace(0.0, 2.0 * np.pi, 720, endpoint=False)
# Outlines (u, v down) in pixels at scale 1, traced along a parameter instead of solved for v.
OUTLINES = [
    9.6 * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]),
    np.stack([12.77 * np.cos(TURN), 7.215 * np.sin(TURN)], axis=1),
    np.stack(
        [
            9.6 * np.sin(TURN) ** 3,
            -0.662 * sum(a * np.cos(k * TURN) for k, a in [(1, 13), (2, -5), (3, -2), (4, -1)])
            - 1.44,
        ],
        axis=1,
    ),
]


def inside_polygon(corners, x, y):
    """Even-odd rule for points x [W], y [H] and corners [K, 2]: [H, W]."""
    inside = np.zeros((len(y), len(x)), bool)
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        crosses = (y0 > y) != (y1 > y)  # [H]
        edge = x0 + (y - y0) * (x1 - x0) / np.where(y1 == y0, 1.0, y1 - y0)
        inside ^= crosses[:, None] & (x[None, :] < edge[:, None])
    return inside


def overlap(images, others):
    """Intersection over union, [B]."""
    return (images & others).sum((1, 2)) / (images | others).sum((1, 2))


def test_sprites_are_the_polygons():
    rng = np.random.default_rng(0)
    factors = np.stack([rng.integers(0, size, 64) for size in FACTOR_SIZES], axis=1)
    factors[:, 0] = np.arange(64) % 3
    pixels = np.arange(64) + 0.5
    expected = []
    for shape, scale, orientation, x, y in factors:
        angle = 2.0 * np.pi * orientation / 39.0  # counter-clockwise, while y points down
        to_screen = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        centre = 16.0 + 32.0 / 31.0 * np.array([x, y])
        corners = OUTLINES[shape] * (0.5 + 0.1 * scale) @ to_screen.T + centre
        expected.append(inside_polygon(corners, pixels, pixels))
    images = np.asarray(render(factors.astype(np.int32)))
    assert images.shape == (64, 64, 64, 1)
    assert set(np.unique(images)) == {0.0, 1.0}
    assert overlap(images[..., 0] > 0, np.array(expected)).min() > 0.98


def test_a_full_turn_is_no_turn():
    factors = np.array([[shape, 3, 0, 10, 20] for shape in range(3)], np.int32)
    turned = factors + np.array([[0, 0, 39, 0, 0]], np.int32)
    np.testing.assert_array_equal(render(factors), render(turned))
    assert np.any(np.asarray(render(factors)) != np.asarray(render(turned - [[0, 0, 1, 0, 0]])))


def test_sprites_are_the_genuine_frames(shared):
    with Image.open(shared / "data/dsprites/dsprites.gif") as animation:
        frames = [np.asarray(frame.convert("L")) for frame in ImageSequence.Iterator(animation)]
    genuine = np.array(frames) > 127  # [320, 64, 64]
    factors = np.load(shared / "data/dsprites/gif_frame_latents.npy").astype(np.int32)
    images = np.asarray(render(factors))[..., 0] > 0
    assert np.all(images == genuine, axis=(1, 2)).sum() >= 316
    assert (images != genuine).sum(axis=(1, 2)).max() <= 2
    assert overlap(images, genuine).min() >= 0.989
