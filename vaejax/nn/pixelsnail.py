"""PixelSNAIL: gated residual layers that look near, and attention over all that came before.

Reference: Chen et al., PixelSNAIL: An improved autoregressive generative model, 2018, and the code
that they released, where keys and queries are told each place once per colour; here once.
"""

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

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
        num_blocks: of residual layers and an attention.
        num_layers: residual layers of a block, before its attention.
        key_size: of the attention's keys and queries.
        value_size: of its values.
        dropout_rate: of every gated residual layer.
    """

    num_outputs: int
    features: int
    num_blocks: int
    num_layers: int
    key_size: int
    value_size: int
    dropout_rate: float

    def setup(self):
        self.first_rows = CausalConv(self.features, (1, 3), "rows", strict=True, init_scale=1.0)
        self.first_pixels = CausalConv(self.features, (2, 1), strict=True, init_scale=1.0)
        self.block = Block(
            self.features, self.num_layers, self.key_size, self.value_size, self.dropout_rate
        )
        self.last = CausalConv(self.num_outputs, init_scale=1.0)

    def __call__(self, x: Array, given: Given = NOTHING, dropout: Array | None = None) -> Array:
        """[B, H, W, I] -> [B, H, W, num_outputs]; `dropout` has the keys [B] of what drops out."""
        h = self.first_rows(_with_ones(x)) + self.first_pixels(_with_ones(x))
        known = Known.of(x, given)
        return self._outputs(h, known, known, keys=dropout)

    def rows(self, x: Array, given: Given, place: Place) -> Array:
        """What the pixels of a row are told of the row above it, [B, 1, W, C]."""
        del given
        return self.first_rows(_with_ones(x), place)

    def pixel(self, x: Array, rows: Array, given: Given, place: Place) -> Array:
        """The outputs at one place, [B, 1, 1, num_outputs].

        Args:
            x: [B, H, W, I], of which the pixels before are known.
            rows: what `rows` gives for this row.
            given: what else is known.
            place: all before were asked for in order.
        """
        above = jax.lax.dynamic_slice_in_dim(rows, place.column, 1, axis=-2)
        h = above + self.first_pixels(_with_ones(x), place)
        known = Known.of(x, given)
        return self._outputs(h, known.at(place), known.at(_before(place)), place=place)

    def _outputs(
        self,
        h: Array,
        here: "Known",
        told: "Known",
        place: Place | None = None,
        keys: Array | None = None,
    ) -> Array:
        def block(block: Block, h: Array, number: Array) -> tuple[Array, None]:
            return block(h, here, told, place, keys, number), None

        h, _ = apply_stacked(
            self.block,
            block,
            h,
            np.arange(self.num_blocks),
            length=self.num_blocks,
            memory="store",
        )
        return self.last(jax.nn.elu(h))


class Known(NamedTuple):
    """What is known of places besides the stream.

    Attributes:
        image: [B, H, W, I].
        background: where they are, [B, H, W, 2].
        given: what else is.
        num_places: of the whole image.
    """

    image: Array
    background: Array
    given: Given
    num_places: int

    @classmethod
    def of(cls, image: Array, given: Given) -> "Known":
        """All that is known."""
        batch, height, width, _ = image.shape
        rows, columns = (np.arange(size) / size - 0.5 for size in (height, width))
        places = np.stack(np.meshgrid(rows, columns, indexing="ij"), -1)
        background = jnp.broadcast_to(jnp.asarray(places, image.dtype), (batch, *places.shape))
        return cls(image, background, given, height * width)

    def at(self, place: Place) -> "Known":
        """What is known at one of the places."""
        image, background = place.of(self.image), place.of(self.background)
        return self._replace(image=image, background=background, given=self.given.at(place))


class Block(nn.Module):
    """Gated residual layers, and one more that is told what an attention finds.

    Attributes:
        features: as in `PixelSNAIL`, as are all others.
    """

    features: int
    num_layers: int
    key_size: int
    value_size: int
    dropout_rate: float

    @nn.compact
    def __call__(
        self,
        h: Array,
        here: Known,
        told: Known,
        place: Place | None,
        keys: Array | None,
        number: Array,
    ) -> Array:
        """The stream after the block, [B, H, W, C] or [B, 1, 1, C].

        Args:
            h: the stream before it.
            here: what is known besides.
            told: the same; at a place what is known at the one before it.
            place: computes what is there alone.
            keys: [B] of dropout; None drops nothing.
            number: of the block.
        """
        site = number * (self.num_layers + 3)

        def resnet(features: int, name: str, kernel: tuple[int, int] = (1, 1)) -> GatedResnet:
            more = dict(nonlinearity=jax.nn.elu, dropout_rate=self.dropout_rate, name=name)
            return GatedResnet(features, kernel, **more)

        def layer(layer: GatedResnet, h: Array, number: Array) -> tuple[Array, None]:
            return layer(h, None, here.given, place, keys=keys, site=site + number), None

        h, _ = apply_stacked(
            resnet(self.features, "layer", (2, 2)),
            layer,
            h,
            np.arange(self.num_layers),
            length=self.num_layers,
            memory="store",
        )
        site += self.num_layers

        question = jnp.concatenate([h, here.background], -1)
        question = resnet(self.features + 2, "question")(
            question, None, here.given, keys=keys, site=site
        )
        queries = CausalConv(self.key_size, init_scale=1.0, name="queries")(question)

        # Pixels are attended to strictly after they are known: what is told of them may look at
        # themselves. At a place, what is told of the one before it is new.
        content = jnp.concatenate([told.image, self._told(h, place), told.background], -1)
        content = resnet(content.shape[-1], "content")(
            content, None, told.given, keys=keys, site=site + 1
        )
        sizes = self.key_size + self.value_size
        content = CausalConv(sizes, init_scale=1.0, name="keys_values")(content)
        found = CausalAttention(name="attention")(
            queries, *jnp.split(content, [self.key_size], -1), place, here.num_places
        )
        return resnet(self.features, "answer")(h, found, here.given, keys=keys, site=site + 2)

    def _told(self, h: Array, place: Place | None) -> Array:
        """The stream of which pixels are told: all of it, or that of the place before."""
        if place is None:
            return h
        kept = self.variable("cache", "before", jnp.zeros_like, h)
        before, kept.value = kept.value, h
        return before


def _before(place: Place) -> Place:
    """The place before; of the first one, itself."""
    number = jnp.maximum(place.row * place.width + place.column - 1, 0)
    return place.replace(row=number // place.width, column=number % place.width)


def _with_ones(x: Array) -> Array:
    """With a channel that says where the image is, unlike the zeros around it."""
    return jnp.concatenate([x, jnp.ones_like(x[..., :1])], -1)
