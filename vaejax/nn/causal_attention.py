"""Attention of every place over those strictly before it.

    y_i = sum_{j < i} p_ij v_j,     p_i = softmax_{j < i}(q_i . k_j / sqrt(size of k))

The first place has none before it: its result is exactly 0. A softmax with nothing to see has no
right answer (all scores masked, it is a mean over ALL places, or nan), so none is computed: what
place i sees strictly before it is what place i - 1 sees with itself included.

Reference: Chen et al., PixelSNAIL: An improved autoregressive generative model, 2018, section 2.
Their code adds 1e-6 to a denominator that is never below 1, but for the first place's, which it
keeps from being 0; here weights sum to 1 exactly.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from vaejax.types import Array


class KeysValues(NamedTuple):
    """What places are found by, [..., B, N, K], and what is found there, [..., B, N, V]."""

    keys: Array
    values: Array

    def put(self, new: "KeysValues", number: Array) -> "KeysValues":
        """With the keys and values [..., B, 1, K or V] of the place of that number."""

        def put(kept: Array, new: Array) -> Array:
            return lax.dynamic_update_slice_in_dim(kept, new.astype(kept.dtype), number, -2)

        return KeysValues(*map(put, self, new))


def causal_attention(queries: Array, told: KeysValues) -> Array:
    """What each of N places finds at those before it, [B, N, V]; its queries are [B, N, K]."""
    seen = jnp.tri(queries.shape[1] - 1, dtype=bool)[None]
    scores = jnp.where(seen, _scores(queries[:, 1:], told.keys[:, :-1]), -jnp.inf)
    found = _weighted(jax.nn.softmax(scores), told.values[:, :-1])
    return jnp.pad(found, ((0, 0), (1, 0), (0, 0)))


def attention_of_one(query: Array, told: KeysValues, new: KeysValues, number: Array) -> Array:
    """The same for one place, [B, 1, V].

    Args:
        query: of the place, [B, 1, K].
        told: of all places; those of the one before it and later ones do not matter.
        new: of the one before it, [B, 1, K or V]; of the first place, anything.
        number: of the place.
    """
    older = jnp.arange(told.keys.shape[1]) < number - 1
    scores = [
        jnp.where(older[None, None], _scores(query, told.keys), -jnp.inf),
        _scores(query, new.keys),
    ]
    weights = jax.nn.softmax(jnp.concatenate(scores, -1))
    found = _weighted(weights[..., :-1], told.values) + _weighted(weights[..., -1:], new.values)
    return jnp.where(number > 0, found, 0)


def _scores(queries: Array, keys: Array) -> Array:
    """[B, M, K], [B, N, K] -> [B, M, N], in 32 bits at least."""
    dtype = jnp.promote_types(queries.dtype, jnp.float32)
    scores = jnp.einsum("bmk,bnk->bmn", queries, keys, preferred_element_type=dtype)
    return scores / keys.shape[-1] ** 0.5


def _weighted(weights: Array, values: Array) -> Array:
    """[B, M, N], [B, N, V] -> [B, M, V]"""
    found = jnp.einsum("bmn,bnv->bmv", weights, values.astype(weights.dtype))
    return found.astype(values.dtype)
