"""Doubling the size of images: official arrays, and linear images stay linear."""

import jax.numpy as jnp
import numpy as np

from tests.nn.official import load, nhwc
from tests.precision import enable_x64
from vaejax.nn.resize import bilinear_double, nearest_double


def test_official_arrays(vectors):
    arrays = load(vectors)
    with enable_x64(True):
        x = jnp.asarray(nhwc(arrays["ops/x"]))
        bilinear, nearest = bilinear_double(x), nearest_double(x)
        np.testing.assert_allclose(bilinear, nhwc(arrays["ops/bilinear_align_up2"]), rtol=1e-12)
        np.testing.assert_array_equal(nearest, nhwc(arrays["ops/nearest_up2"]))


def test_linear_images_stay_linear_from_corner_to_corner():
    rows, columns = jnp.meshgrid(jnp.linspace(0.0, 1.0, 3), jnp.linspace(0.0, 1.0, 4))
    y = bilinear_double((rows + 2.0 * columns)[None, ..., None])
    rows, columns = jnp.meshgrid(jnp.linspace(0.0, 1.0, 6), jnp.linspace(0.0, 1.0, 8))
    np.testing.assert_allclose(y[0, ..., 0], rows + 2.0 * columns, rtol=1e-5, atol=1e-6)


def test_nearest_repeats():
    y = nearest_double(jnp.arange(4.0).reshape(1, 2, 2, 1))[0, ..., 0]
    np.testing.assert_array_equal(y, np.kron(np.arange(4.0).reshape(2, 2), np.ones((2, 2))))
