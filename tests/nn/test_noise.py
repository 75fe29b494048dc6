"""Noise does not depend on how the batch is laid out over devices."""

import jax
import jax.numpy as jnp
import numpy as np

from vaejax.nn.noise import example_normal, spherical_path
from vaejax.parallel import DATA_AXIS, batch_sharding, data_mesh


def test_rows_depend_on_their_place_in_the_global_batch_alone(rng):
    whole = example_normal(rng, (16, 5))
    np.testing.assert_allclose(example_normal(rng, (4, 5)), whole[:4], rtol=1e-6)
    shards = jax.pmap(lambda _: example_normal(rng, (2, 5)), axis_name=DATA_AXIS)(np.arange(8))
    np.testing.assert_allclose(shards.reshape(16, 5), whole, rtol=1e-6)
    sharded = jax.jit(
        lambda: example_normal(rng, (16, 5)), out_shardings=batch_sharding(data_mesh())
    )()
    np.testing.assert_allclose(sharded, whole, rtol=1e-6)


def test_noise_is_standard_normal_and_independent_between_rows(rng):
    noise = np.asarray(example_normal(rng, (64, 1000)))
    assert abs(noise.mean()) < 0.02 and abs(noise.std() - 1.0) < 0.02
    correlations = np.corrcoef(noise) - np.eye(64)
    assert abs(correlations).max() < 0.2


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
    expected = jnp.array([0.0, 0.5, 1.0])[None, :, None] * jnp.ones((1, 1, 4))
    actual = spherical_path(zeros, 1e-30 * ones, 3) * 1e30
    assert np.isfinite(actual).all()
    np.testing.assert_allclose(spherical_path(ones, 2 * ones, 3), 1.0 + expected, rtol=1e-3)
