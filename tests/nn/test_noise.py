"""Noise does not depend on how the batch is laid out over devices."""

import jax
import numpy as np

from vaejax.nn.noise import example_normal
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
