"""Statistics of pixels against NumPy."""

import numpy as np
import pytest

from vaejax.data.arrays import ArraySource
from vaejax.data.pixel_statistics import STD_FLOOR, pixel_statistics


@pytest.mark.parametrize("chunk_size", [7, 1024])
def test_statistics_are_those_of_numpy(chunk_size):
    pixels = np.random.default_rng(0).integers(0, 256, (60, 4, 5, 3), dtype=np.uint8)
    pixels[:, 0, 0, 0] = 100  # a pixel that never changes
    mean, std = pixel_statistics(ArraySource(pixels), chunk_size)
    expected = (pixels / 255).std(0)
    expected[0, 0, 0] = STD_FLOOR
    np.testing.assert_allclose(mean, (pixels / 255).mean(0), rtol=1e-6)
    np.testing.assert_allclose(std, expected, rtol=1e-5)
