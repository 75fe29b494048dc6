"""Noise does not depend on how the batch is laid out over devices."""

import jax
import numpy as np
import pytest

from vaejax.core.mesh import DATA_AXIS, batch_sharding, data_mesh
from vaejax.nn.noise import draw_each, example_keys, part_keys


def noise(rng, places, shape=(5,)):
    return draw_each(jax.random.normal, example_keys(rng, places), shape)


def test_rows_depend_on_their_place_alone(rng):
    places = np.arange(16)
    whole = noise(rng, places)
    np.testing.assert_allclose(noise(rng, places[3:9]), whole[3:9], rtol=1e-6)
    np.testing.assert_allclose(noise(rng, places[::-1]), whole[::-1], rtol=1e-6)
    mapped = jax.pmap(lambda places: noise(rng, places), axis_name=DATA_AXIS)
    np.testing.assert_allclose(mapped(places.reshape(8, 2)).reshape(16, 5), whole, rtol=1e-6)
    split = batch_sharding(data_mesh())
    sharded = jax.jit(lambda places: noise(rng, places), in_shardings=split, out_shardings=split)
    np.testing.assert_allclose(sharded(places), whole, rtol=1e-6)


def test_parts_of_an_example_and_keys_of_steps_differ(rng):
    keys = example_keys(rng, np.arange(4))
    draws = [draw_each(jax.random.normal, part_keys(keys, part), (3,)) for part in range(3)]
    draws.append(noise(jax.random.key(1), np.arange(4), (3,)))
    assert len(np.unique(np.concatenate(draws))) == 4 * 4 * 3


def test_example_keys_depend_on_key_and_index_only(rng):
    keys = jax.random.key_data(example_keys(rng, np.array([3, 9, 3])))
    assert np.array_equal(keys[0], keys[2])
    assert not np.array_equal(keys[0], keys[1])
    others = jax.random.key_data(example_keys(jax.random.key(1), np.array([3, 9, 3])))
    assert not np.array_equal(keys, others)


@pytest.mark.parametrize("sampler", [jax.random.normal, jax.random.uniform])
def test_a_draw_is_that_of_its_sampler(rng, sampler):
    keys = example_keys(rng, np.arange(3))
    draws = draw_each(sampler, keys, (2, 2))
    for key, draw in zip(keys, draws, strict=True):
        np.testing.assert_allclose(draw, sampler(key, (2, 2)), rtol=1e-6)


def test_noise_is_standard_normal_and_independent_between_rows(rng):
    draws = np.asarray(noise(rng, np.arange(64), (1000,)))
    assert abs(draws.mean()) < 0.02 and abs(draws.std() - 1.0) < 0.02
    correlations = np.corrcoef(draws) - np.eye(64)
    assert abs(correlations).max() < 0.2
