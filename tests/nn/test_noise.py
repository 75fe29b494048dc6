"""Noise does not depend on how the batch is laid out over devices."""

import jax
import numpy as np

from vaejax.nn.noise import example_normal, part_rng
from vaejax.parallel import DATA_AXIS, batch_sharding, data_mesh, microbatch


def test_rows_depend_on_their_place_in_the_global_batch_alone(rng):
    whole = example_normal(rng, (16, 5))
    np.testing.assert_allclose(example_normal(rng, (4, 5)), whole[:4], rtol=1e-6)
    shards = jax.pmap(lambda _: example_normal(rng, (2, 5)), axis_name=DATA_AXIS)(np.arange(8))
    np.testing.assert_allclose(shards.reshape(16, 5), whole, rtol=1e-6)
    sharded = jax.jit(
        lambda: example_normal(rng, (16, 5)), out_shardings=batch_sharding(data_mesh())
    )()
    np.testing.assert_allclose(sharded, whole, rtol=1e-6)


def test_rows_of_a_microbatch_are_those_of_the_global_batch(rng):
    """Microbatch 1 of 4, on one device and on eight."""
    whole = example_normal(rng, (64, 5))
    with microbatch(jax.numpy.asarray(1), 4):
        part = example_normal(rng, (16, 5))
        shards = jax.pmap(lambda _: example_normal(rng, (2, 5)), axis_name=DATA_AXIS)(np.arange(8))
    np.testing.assert_allclose(part, whole[1::4], rtol=1e-6)
    np.testing.assert_allclose(shards.reshape(16, 5), whole[1::4], rtol=1e-6)


def test_what_examples_draw_together_differs_between_shards_and_microbatches(rng):
    def draw(_):
        return jax.random.uniform(part_rng(rng))

    draws = [draw(0)]
    for index in range(2):
        with microbatch(jax.numpy.asarray(index), 2):
            draws += [draw(0), *jax.pmap(lambda i: draw(i), axis_name=DATA_AXIS)(np.arange(8))]
    assert len(set(map(float, draws))) == 1 + 2 * 9
    assert float(draws[0]) == float(jax.random.uniform(rng))


def test_noise_is_standard_normal_and_independent_between_rows(rng):
    noise = np.asarray(example_normal(rng, (64, 1000)))
    assert abs(noise.mean()) < 0.02 and abs(noise.std() - 1.0) < 0.02
    correlations = np.corrcoef(noise) - np.eye(64)
    assert abs(correlations).max() < 0.2
