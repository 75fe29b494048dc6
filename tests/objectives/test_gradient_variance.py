"""Moments of a gradient over fresh noise are those of its gradients, drawn one by one."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.objectives.solvable import Solvable, batch
from vaejax.objectives import elbo, gradient_moments, gradient_variance

OBJECTIVE = elbo(Solvable(2), beta=lambda step: step / 4.0)
RNG, NUM_KEYS = jax.random.key(1), 7
EXAMPLES = batch(3, dim=2)


def test_they_are_those_of_all_gradients_at_once():
    params, state = OBJECTIVE.init(jax.random.key(0), EXAMPLES)

    def gradient(draw):
        arguments = (params, state, EXAMPLES, jax.random.fold_in(RNG, draw), jnp.int32(2), True)
        return jax.grad(OBJECTIVE.loss, has_aux=True)(*arguments)[0]

    gradients = jax.vmap(gradient)(jnp.arange(NUM_KEYS))
    arguments = (OBJECTIVE, params, state, EXAMPLES, RNG)
    mean, variance = gradient_moments(*arguments, num_keys=NUM_KEYS, step=2)
    for moment, reduce in ((mean, np.mean), (variance, functools.partial(np.var, ddof=1))):
        expected = jax.tree.map(lambda x, f=reduce: f(x, axis=0), gradients)
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), moment, expected
        )
    layers = gradient_variance(*arguments, num_keys=NUM_KEYS, step=2)
    assert set(layers) == {"model/encoder", "model/decoder"}
    encoder = variance["model"]["encoder"]
    both = np.concatenate([encoder["loc"], encoder["log_scale"]])
    assert float(layers["model/encoder"]) == pytest.approx(both.mean(), rel=1e-5)


def test_memory_does_not_grow_with_the_keys():
    arguments = jax.eval_shape(OBJECTIVE.init, RNG, EXAMPLES)

    def temporary(num_keys):
        moments = functools.partial(gradient_moments, OBJECTIVE, num_keys=num_keys)
        compiled = jax.jit(moments).lower(*arguments, EXAMPLES, RNG).compile()
        return compiled.memory_analysis().temp_size_in_bytes

    assert temporary(1000) <= temporary(10)


def test_one_key_has_no_variance():
    params, state = OBJECTIVE.init(jax.random.key(0), EXAMPLES)
    with pytest.raises(ValueError, match="num_keys: expected at least 2, got 1"):
        gradient_variance(OBJECTIVE, params, state, EXAMPLES, RNG, num_keys=1)
