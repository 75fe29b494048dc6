"""Attention of every pixel over those strictly before it, row by row.

    y_i = sum_{j < i} p_ij v_j,     p_i = softmax_{j < i}(q_i . k_j / sqrt(size of k))

The first pixel has none before it: its result is exactly 0. A softmax with nothing to see has no
right answer (all scores masked, it is a mean over ALL pixels, or nan), so none is computed: what
pixel i sees strictly before it is what pixel i - 1 sees with itself included.

Reference: Chen et al., PixelSNAIL: An improved autoregressive generative model, 2018, section 2.
Their code adds 1e-6 to a denominator that is never below 1, but for the first pixel's, which it
keeps from being 0; here weights sum to 1 exactly.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

from vaejax.nn.causal import Place
from vaejax.types import Array


def causal_attention(queries: Array, keys: Array, values: Array) -> Array:
    """What each of N places is told of those before it, [B, N, V].

    Args:
        queries: [B, N, K].
        keys: [B, N, K].
        values: [B, N, V].
    """
    seen = jnp.tri(queries.shape[1] - 1, dtype=bool)
    y = _attended(queries[:, 1:], keys[:, :-1], values[:, :-1], seen)
    return jnp.pad(y, ((0, 0), (1, 0), (0, 0)))


class CausalAttention(nn.Module):
    """`causal_attention` over the pixels of images, for all of them or for one more."""

    @nn.compact
    def __call__(
        self,
        queries: Array,
        keys: Array,
        values: Array,
        place: Place | None = None,
        num_places: int | None = None,
    ) -> Array:
        """What a pixel is told, [B, H, W, V].

        Args:
            queries: [B, H, W, K]; with a place those of the pixel there, [B, 1, 1, K].
            keys: likewise, but with a place of the pixel *before* it, the last that is known; at
                the first place they do not matter.
            values: of the same pixels as the keys, [B, H, W, V] or [B, 1, 1, V].
            place: computes what is there alone; all places before were asked for in order.
            num_places: H W, with a place.
        """
        flat = [x.reshape(x.shape[0], -1, x.shape[-1]) for x in (queries, keys, values)]
        y = causal_attention(*flat) if place is None else self._kept(*flat, place, num_places)
        return y.reshape(*queries.shape[:-1], values.shape[-1])

    def _kept(self, query: Array, key: Array, value: Array, place: Place, num_places: int) -> Array:
        here = place.row * place.width + place.column
        last = jnp.maximum(here - 1, 0)
        keys = self._put("keys", key, last, num_places)
        values = self._put("values", value, last, num_places)
        seen = (jnp.arange(num_places) <= last)[None]
        return jnp.where(here > 0, _attended(query, keys, values, seen), 0)

    def _put(self, name: str, x: Array, number: Array, num_places: int) -> Array:
        """What is kept of all places [B, N, F], with that [B, 1, F] of one more."""
        shape = (x.shape[0], num_places, x.shape[-1])
        kept = self.variable("cache", name, jnp.zeros, shape, x.dtype)
        kept.value = lax.dynamic_update_slice_in_dim(kept.value, x, number, axis=1)
        return kept.value


def _attended(queries: Array, keys: Array, values: Array, seen: Array) -> Array:
    """[B, M, K], [B, N, K], [B, N, V] -> [B, M, V]; `seen` [M, N] has a place in every row."""
    dtype = jnp.promote_types(queries.dtype, jnp.float32)
    q, k, v = (x.astype(dtype) for x in (queries, keys, values))
    scores = jnp.einsum("bmk,bnk->bmn", q, k) / k.shape[-1] ** 0.5
    weights = jax.nn.softmax(jnp.where(seen, scores, -jnp.inf))
    return jnp.einsum("bmn,bnv->bmv", weights, v).astype(values.dtype)
