"""A path between draws that keeps their length."""

import jax
import jax.numpy as jnp
import numpy as np

from vaejax.nn.spherical_path import spherical_path


def test_a_spherical_path_turns_evenly_and_keeps_the_length(rng):
    first, second = jax.random.normal(rng, (2, 4, 3, 100))
    path = np.asarray(spherical_path(first, second, 9), np.float64)  # [4, 9, 3, 100]
    np.testing.assert_allclose(path[:, 0], first, atol=1e-5)
    np.testing.assert_allclose(path[:, -1], second, atol=1e-5)
    path = path.reshape(4, 9, 300)
    unit = path / np.linalg.norm(path, axis=-1, keepdims=True)
    cosines = (unit[:, 1:] * unit[:, :-1]).sum(-1)
    np.testing.assert_allclose(cosines, cosines[:, :1].repeat(8, 1), atol=1e-2)
    lengths = np.linalg.norm(path, axis=-1)
    assert np.abs(lengths / np.sqrt(300) - 1).max() < 0.15
    straight = np.linalg.norm((path[:, 0] + path[:, -1]) / 2, axis=-1)
    assert (straight / np.sqrt(300) < 0.85).all()


def test_a_spherical_path_between_equal_or_no_ends_is_straight():
    ones, zeros = jnp.ones((1, 4)), jnp.zeros((1, 4))
    np.testing.assert_allclose(spherical_path(ones, ones, 3), jnp.ones((1, 3, 4)), rtol=1e-6)
    np.testing.assert_array_equal(spherical_path(zeros, zeros, 3), jnp.zeros((1, 3, 4)))
    expected = jnp.array([1.0, 1.5, 2.0])[None, :, None] * jnp.ones((1, 1, 4))
    np.testing.assert_allclose(spherical_path(ones, 2 * ones, 3), expected, rtol=1e-3)
