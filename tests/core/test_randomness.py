"""Streams of a run, and draws of many axes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vaejax.core.randomness import draw, stream


def test_streams_differ_by_name_and_seed_and_repeat():
    keys = [stream(0, "init"), stream(0, "train"), stream(1, "init")]
    draws = {float(jax.random.uniform(key)) for key in keys}
    assert len(draws) == 3
    assert float(jax.random.uniform(stream(0, "init"))) in draws


@pytest.mark.parametrize("sampler", [jax.random.normal, jax.random.uniform])
@pytest.mark.parametrize("shape", [(), (5,), (2, 3, 4, 5)])
def test_a_draw_is_that_of_its_sampler(rng, sampler, shape):
    np.testing.assert_array_equal(draw(sampler, rng, shape), sampler(rng, shape))
    assert draw(sampler, rng, shape, jnp.bfloat16).dtype == jnp.bfloat16


def test_bounds_are_passed_on(rng):
    values = draw(jax.random.uniform, rng, (100, 10), minval=2.0, maxval=3.0)
    assert 2.0 <= float(values.min()) < 2.01 < 2.99 < float(values.max()) <= 3.0
