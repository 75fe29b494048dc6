"""Attention over what comes before: a loop in NumPy, the first place, and one place at a time."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.precision import enable_x64
from vaejax.nn.causal_attention import KeysValues, attention_of_one, causal_attention

PLACES = 7


def draws(sizes=(3, 3, 4), scale=1.0):
    """Queries, keys and values of two examples."""
    rng = np.random.default_rng(0)
    return [scale * rng.normal(size=(2, PLACES, size)) for size in sizes]


def in_numpy(queries, keys, values):
    found = np.zeros_like(values)
    for b in range(len(values)):
        for i in range(1, PLACES):
            scores = [queries[b, i] @ keys[b, j] / np.sqrt(keys.shape[-1]) for j in range(i)]
            weights = np.exp(scores - np.max(scores))
            found[b, i] = weights / weights.sum() @ values[b, :i]
    return found


@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_it_is_a_softmax_over_the_places_before(scale):
    queries, keys, values = draws(scale=scale)
    with enable_x64():
        found = causal_attention(queries, KeysValues(keys, values))
        np.testing.assert_allclose(found, in_numpy(queries, keys, values), rtol=1e-12, atol=1e-12)


def test_places_one_by_one_are_all_of_them():
    """Whatever stands in the places that are not known."""
    queries, keys, values = draws()
    with enable_x64():
        told = KeysValues(np.full_like(keys, 1e6), np.full_like(values, 1e6))
        found = []
        for number in range(PLACES):
            last = max(number - 1, 0)
            new = KeysValues(keys[:, last : last + 1], values[:, last : last + 1])
            query = queries[:, number : number + 1]
            found.append(attention_of_one(query, told, new, jnp.int32(number)))
            told = told.put(new, last)
        expected = in_numpy(queries, keys, values)
        np.testing.assert_allclose(np.concatenate(found, 1), expected, rtol=1e-12, atol=1e-12)


def test_the_first_place_finds_nothing_and_has_gradients():
    queries, keys, values = draws()

    def total(*arrays):
        return jnp.sum(causal_attention(arrays[0], KeysValues(*arrays[1:])) ** 2)

    with enable_x64():
        assert not causal_attention(queries, KeysValues(keys, values))[:, 0].any()
        alone = causal_attention(queries[:, :1], KeysValues(keys[:, :1], values[:, :1]))
        gradients = jax.grad(total, (0, 1, 2))(queries, keys, values)
    assert alone.shape == (2, 1, 4)
    assert not alone.any()
    for gradient in gradients:
        assert np.isfinite(gradient).all()
        assert np.any(gradient)


def test_no_place_finds_itself_or_a_later_one():
    """Not even where scores there are far above all others."""
    queries, keys, values = draws()
    queries, keys = np.abs(queries), np.abs(keys)
    keys[:, -1] *= 1e4

    def of_one_example(key, value):
        return causal_attention(queries[:1], KeysValues(key[None], value[None]))[0]

    with enable_x64():
        jacobians = jax.jacrev(of_one_example, (0, 1))(keys[0], values[0])  # [N, V, N, K or V]
    for jacobian in jacobians:
        largest = np.abs(jacobian).max((1, 3))
        assert np.isfinite(largest).all()
        assert not np.triu(largest).any()
    assert largest[np.tril_indices(PLACES, -1)].all()  # of values


def test_halves_are_multiplied_in_32_bits():
    queries, keys, values = (jnp.asarray(x, jnp.bfloat16) for x in draws())
    found = causal_attention(queries, KeysValues(keys, values))
    assert found.dtype == jnp.bfloat16
    exact = in_numpy(*(np.asarray(x, np.float64) for x in (queries, keys, values)))
    np.testing.assert_allclose(np.asarray(found, np.float64), exact, rtol=2**-8, atol=1e-6)
