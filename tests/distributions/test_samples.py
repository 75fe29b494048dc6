"""Averages over samples are the plain ones, values and gradients, whatever the chunks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special

from vaejax.distributions import over_samples

TABLE = jnp.asarray(3.0 * np.random.default_rng(0).standard_normal((12, 5)), jnp.float32)


def averages(scale, chunk=None):
    """Of the table times `scale`, which is the same for all samples."""

    def of_samples(samples):
        rows = scale * TABLE[samples]
        return {"rows": rows}, (rows**2, {"number": samples})

    return over_samples(of_samples, len(TABLE), chunk)


@pytest.mark.parametrize("chunk", [None, 1, 5, 6, 12, 100])
def test_trees_of_logarithms_and_of_values(chunk):
    logs, (squares, numbers) = averages(1.0, chunk)
    expected = scipy.special.logsumexp(TABLE, axis=0) - np.log(len(TABLE))
    np.testing.assert_allclose(logs["rows"], expected, rtol=1e-5)
    np.testing.assert_allclose(squares, (np.asarray(TABLE) ** 2).mean(0), rtol=1e-5)
    assert float(numbers["number"]) == pytest.approx(5.5)


@pytest.mark.parametrize("chunk", [1, 5, 6])
def test_gradients_of_chunks_are_those_of_all_at_once(chunk):
    def total(scale, chunk):
        logs, (squares, _) = averages(scale, chunk)
        return logs["rows"].sum() + squares.sum()

    expected = jax.grad(total)(1.5, None)
    weights = scipy.special.softmax(1.5 * np.asarray(TABLE), axis=0)
    by_hand = (weights * TABLE).sum() + (3.0 * np.asarray(TABLE) ** 2).mean(0).sum()
    np.testing.assert_allclose(expected, by_hand, rtol=1e-5)
    np.testing.assert_allclose(
        jax.jit(jax.grad(total), static_argnums=1)(1.5, chunk), expected, rtol=1e-6
    )


def test_backwards_memory_holds_one_chunk():
    def total(weights, num_samples):
        def of_samples(samples):  # through something of size
            hidden = jnp.tanh(weights[None] * (1.0 + samples[:, None]))
            return hidden.sum(1), ()

        return over_samples(of_samples, num_samples, 4)[0]

    def temporary(num_samples):
        gradient = jax.jit(jax.grad(total), static_argnums=1)
        compiled = gradient.lower(jnp.zeros(100_000), num_samples).compile()
        return compiled.memory_analysis().temp_size_in_bytes

    few = temporary(8)
    assert few > 4 * 100_000 * 4
    assert temporary(400) <= few + 100 * 16  # a sum or two per chunk
