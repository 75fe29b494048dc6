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
    before = jax.tree.map(lambda x: x[:, :-1], told)
    found = _attended(queries[:, 1:], before, jnp.tri(queries.shape[1] - 1, dtype=bool))
    return jnp.pad(found, ((0, 0), (1, 0), (0, 0)))


def attention_of_one(query: Array, told: KeysValues, number: Array) -> Array:
    """The same for one place, [B, 1, V].

    Args:
        query: of the place, [B, 1, K].
        told: of all places; those of it and after it do not matter.
        number: of the place.
    """
    seen = jnp.arange(told.keys.shape[1]) < jnp.maximum(number, 1)
    return jnp.where(number > 0, _attended(query, told, seen[None]), 0)


def _attended(queries: Array, told: KeysValues, seen: Array) -> Array:
    """[B, M, K] -> [B, M, V]; `seen` [M, N] has a place in every row."""
    dtype = jnp.promote_types(queries.dtype, jnp.float32)
    q, k, v = (x.astype(dtype) for x in (queries, *told))
    scores = jnp.einsum("bmk,bnk->bmn", q, k) / k.shape[-1] ** 0.5
    weights = jax.nn.softmax(jnp.where(seen, scores, -jnp.inf))
    return jnp.einsum("bmn,bnv->bmv", weights, v).astype(told.values.dtype)
