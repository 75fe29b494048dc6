"""PixelSNAIL: gated residual layers that look near, and attention over all that came before.

Reference: Chen et al., PixelSNAIL: An improved autoregressive generative model, 2018, and the code
that they released. There every place is told to keys and queries once per colour; here once.
"""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from vaejax.nn.causal import NOTHING, CausalConv, Given, Place
from vaejax.nn.causal_attention import CausalAttention
from vaejax.nn.gated_resnet import GatedResnet
from vaejax.nn.stacked import apply_stacked
from vaejax.types import Array


class PixelSNAIL(nn.Module):
    """A network whose outputs at a pixel depend on the pixels before it, on all of them.

    Attributes:
        num_outputs: per pixel.
        features: C, of the stream.
        num_blocks: of layers and an attention.
        num_layers: in every block.
        key_size: of the attention's keys and queries.
        value_size: of its values.
        dropout: the share of activations that drops out in every gated residual layer.
    """

    num_outputs: int
    features: int
    num_blocks: int
    num_layers: int
    key_size: int
    value_size: int
    dropout: float

    def setup(self):
        strict = dict(strict=True, init_scale=1.0)
        self.first_rows = CausalConv(self.features, (1, 3), "rows", **strict)
        self.first_pixels = CausalConv(self.features, (2, 1), "pixels", **strict)
        self.block = Block(self.num_layers, self.key_size, self.value_size, self.dropout)
        self.last = CausalConv(self.num_outputs, init_scale=1.0)

    def __call__(self, x: Array, given: Given = NOTHING, dropout: Array | None = None) -> Array:
        """[B, H, W, I] -> [B, H, W, num_outputs]; keys [B] of what drops out."""
        h = self.first_rows(_marked(x)) + self.first_pixels(_marked(x))
        return self._outputs(x, h, given, keys=dropout)

    def rows(self, x: Array, given: Given, place: Place) -> Array:
        """What the pixels of a row are told of the row above it, [B, 1, W, C]."""
        del given
        return self.first_rows(_marked(x), place)

    def pixel(self, x: Array, rows: Array, given: Given, place: Place) -> Array:
        """The outputs at one place, [B, 1, 1, num_outputs].

        Args:
            x: [B, H, W, I], of which the pixels before are known.
            rows: what `rows` gives for this row.
            given: what else is known.
            place: all before were asked for in order.
        """
        above = jax.lax.dynamic_slice_in_dim(rows, place.column, 1, axis=-2)
        h = above + self.first_pixels(_marked(x), place)
        return self._outputs(x, h, given, place=place)

    def _outputs(
        self,
        x: Array,
        h: Array,
        given: Given,
        keys: Array | None = None,
        place: Place | None = None,
    ) -> Array:
        def block(block: Block, h: Array, number: Array) -> tuple[Array, None]:
            return block(x, h, given, keys, number, place), None

        numbers = jnp.arange(self.num_blocks)
        h, _ = apply_stacked(
            self.block, block, h, numbers, length=self.num_blocks, memory="store"
        )
        return self.last(jax.nn.elu(h))


class Block(nn.Module):
    """Gated residual layers, and one more that is told what an attention finds.

    Attributes:
        num_layers: before the attention.
        key_size: as in `PixelSNAIL`.
        value_size: likewise.
        dropout: likewise.
    """

    num_layers: int
    key_size: int
    value_size: int
    dropout: float

    def setup(self):
        def resnet(*kernel: int) -> GatedResnet:
            return GatedResnet(kernel, "pixels", "elu", self.dropout)

        self.layer = resnet(2, 2)
        self.content, self.question, self.answered = resnet(1, 1), resnet(1, 1), resnet(1, 1)
        self.to_keys_values = CausalConv(self.key_size + self.value_size, init_scale=1.0)
        self.to_queries = CausalConv(self.key_size, init_scale=1.0)
        self.attention = CausalAttention()

    def __call__(
        self,
        x: Array,
        h: Array,
        given: Given,
        keys: Array | None,
        number: Array,
        place: Place | None,
    ) -> Array:
        """The stream after the block, [B, H, W, C], or at a place.

        Args:
            x: all of the image, [B, H, W, I].
            h: the stream before the block.
            given: what else is known.
            keys: [B] of what drops out; None keeps all.
            number: of the block.
            place: computes what is there alone.
        """
        site = number * (self.num_layers + 3)

        def layer(layer: GatedResnet, h: Array, number: Array) -> tuple[Array, None]:
            return layer(h, None, given, keys, site + number, place), None

        numbers = jnp.arange(self.num_layers)
        h, _ = apply_stacked(
            self.layer, layer, h, numbers, length=self.num_layers, memory="store"
        )
        site = site + self.num_layers
        where = background(*x.shape[1:3], h.dtype)
        here = _like(h, where if place is None else place.of(where))
        asked = self.question(
            jnp.concatenate([h, here], axis=-1), None, given, keys, site, place
        )
        # A pixel may be told what those before it are; that of its own place is told to later ones.
        seen, known, there = (h, here, x), place, None
        if place is not None:
            known = _before(place)
            seen = self._last(h), _like(h, known.of(where)), known.of(x)
        content = self.content(jnp.concatenate(seen, axis=-1), None, given, keys, site + 1, known)
        k, v = jnp.split(self.to_keys_values(content), [self.key_size], axis=-1)
        found = self.attention(self.to_queries(asked), k, v, place, x.shape[1] * x.shape[2])
        return self.answered(h, found, given, keys, site + 2, place)

    def _last(self, h: Array) -> Array:
        """The stream at the place before, and that at this one kept for the next."""
        kept = self.variable("cache", "last", jnp.zeros_like, h)
        last, kept.value = kept.value, h
        return last
