"""PixelSNAIL: gated residual layers that look near, and attention over all that came before.

Reference: Chen et al., PixelSNAIL: An improved autoregressive generative model, 2018, and the code
that they released, where keys and queries are told each place once per colour; here once.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from vaejax.nn.causal import NOTHING, CausalConv, Given, Place, with_ones
from vaejax.nn.causal_attention import KeysValues, attention_of_one, causal_attention
from vaejax.nn.gated_resnet import GatedResnet
from vaejax.nn.stacked import apply_stacked
from vaejax.types import Array


class PixelSNAIL(nn.Module):
    """A network whose outputs at a pixel depend on the pixels before it, on all of them.

    Attributes:
        num_outputs: per pixel.
        features: C, of the stream.
        num_blocks: L, of residual layers and an attention.
        num_layers: residual layers of a block, before its attention.
        key_size: K, of the attention's keys and queries.
        value_size: V, of its values.
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
        known = Known.of(x, given)

        def block(block: Block, h: Array, number: Array) -> tuple[Array, None]:
            return block(h, known, keys=dropout, number=number)[0], None

        h = self.first_rows(with_ones(x)) + self.first_pixels(with_ones(x))
        h, _ = self._blocks(block, h, np.arange(self.num_blocks))
        return self._outputs(h)

    def rows(self, x: Array, given: Given, place: Place) -> Array:
        """What the pixels of a row are told of the row above it, [B, 1, W, C]."""
        del given
        return self.first_rows(with_ones(x), place)

    @nn.compact  # for what is kept
    def pixel(self, x: Array, rows: Array, given: Given, place: Place) -> Array:
        """The outputs at one place, [B, 1, 1, num_outputs].

        Args:
            x: [B, H, W, I], of which the pixels before are known.
            rows: what `rows` gives for this row.
            given: what else is known.
            place: all before were asked for in order.
        """
        known = Known.of(x, given)
        here, before = known.at(place), known.at(_before(place))
        # A loop over blocks copies what it returns: of keys and values, what is new alone.
        told = self.variable("cache", "told", self._nothing_told, x)

        def block(block: Block, h: Array, told: KeysValues) -> tuple[Array, KeysValues]:
            return block(h, here, one=One(place, before, told))

        above = Place(jnp.int32(0), place.column, width=place.width).of(rows)
        h = above + self.first_pixels(with_ones(x), place)
        h, new = self._blocks(block, h, told.value)
        told.value = told.value.put(new, _number(_before(place)))
        return self._outputs(h)

    def _blocks(self, call: Callable[..., Any], h: Array, inputs: Any) -> tuple[Array, Any]:
        return apply_stacked(self.block, call, h, inputs, length=self.num_blocks, memory="store")

    def _outputs(self, h: Array) -> Array:
        return self.last(jax.nn.elu(h))

    def _nothing_told(self, x: Array) -> KeysValues:
        batch, height, width, _ = x.shape
        shape = (self.num_blocks, batch, height * width)
        sizes = self.key_size, self.value_size
        return KeysValues(*(jnp.zeros((*shape, size), x.dtype) for size in sizes))


class Known(NamedTuple):
    """What is known of pixels besides the stream.

    Attributes:
        image: [B, H, W, I].
        background: where they are, [B, H, W, 2].
        given: what else is.
    """

    image: Array
    background: Array
    given: Given

    @classmethod
    def of(cls, image: Array, given: Given) -> "Known":
        """What is known of all."""
        batch, *size, _ = image.shape
        rows, columns = (np.arange(n) / n - 0.5 for n in size)
        places = np.stack(np.meshgrid(rows, columns, indexing="ij"), -1)
        background = jnp.broadcast_to(jnp.asarray(places, image.dtype), (batch, *places.shape))
        return cls(image, background, given)

    def at(self, place: Place) -> "Known":
        """What is known of one."""
        return Known(place.of(self.image), place.of(self.background), self.given.at(place))


class One(NamedTuple):
    """A pixel that is computed alone.

    Attributes:
        place: of it.
        before: what is known of the one before it, besides the stream.
        told: keys and values of all before that.
    """

    place: Place
    before: Known
    told: KeysValues


class Block(nn.Module):
    """Gated residual layers, an attention, and one layer more that is told what it finds.

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
        known: Known,
        *,
        keys: Array | None = None,
        number: int | Array = 0,
        one: One | None = None,
    ) -> tuple[Array, KeysValues]:
        """The stream after the block; keys and values of all pixels, or of the one before `one`.

        Args:
            h: the stream before the block, [B, H, W, C].
            known: what is known besides, of the same pixels.
            keys: [B] of dropout; None drops nothing.
            number: of the block, for dropout.
            one: the pixel, if h is of one.
        """
        site = number * (self.num_layers + 3)
        place = None if one is None else one.place
        rest: dict[str, Any] = dict(nonlinearity=jax.nn.elu, dropout_rate=self.dropout_rate)

        def layer(layer: nn.Module, h: Array, number: Array) -> tuple[Array, None]:
            return layer(h, None, known.given, place, keys=keys, site=site + number), None

        def pointwise(
            number: int, name: str, x: Array, given: Given, found: Array | None = None
        ) -> Array:
            resnet = GatedResnet(x.shape[-1], name=name, **rest)
            return resnet(x, found, given, keys=keys, site=site + self.num_layers + number)

        layers = GatedResnet(self.features, (2, 2), name="layer", **rest)
        numbers = np.arange(self.num_layers)
        h, _ = apply_stacked(layers, layer, h, numbers, length=len(numbers), memory="store")

        asked = pointwise(0, "question", _joined(h, known.background), known.given)
        queries = CausalConv(self.key_size, init_scale=1.0, name="queries")(asked)
        # Pixels are found strictly after they are known: what is told of them may look at them.
        # Where there is one, what is told of the pixel before it is new.
        image, background, given = known if one is None else one.before
        content = _joined(image, self._told(h, one), background)
        content = pointwise(1, "content", content, given)
        sizes = self.key_size + self.value_size
        content = CausalConv(sizes, init_scale=1.0, name="keys_values")(content)
        told = KeysValues(*jnp.split(_flat(content), [self.key_size], -1))
        if one is None:
            found = causal_attention(_flat(queries), told)
        else:
            found = attention_of_one(_flat(queries), one.told, told, _number(one.place))
        found = found.reshape(*h.shape[:-1], self.value_size)
        return pointwise(2, "answer", h, known.given, found), told

    def _told(self, h: Array, one: One | None) -> Array:
        """The stream of which pixels are told: all of it, or that of the pixel before."""
        if one is None:
            return h
        kept = self.variable("cache", "before", jnp.zeros_like, h)
        before, kept.value = kept.value, h
        return before


def _number(place: Place) -> Array:
    assert place.column is not None
    return place.row * place.width + place.column


def _before(place: Place) -> Place:
    """The place before; of the first one, itself."""
    number = jnp.maximum(_number(place) - 1, 0)
    return Place(number // place.width, number % place.width, width=place.width)


def _joined(*parts: Array) -> Array:
    return jnp.concatenate(parts, -1)


def _flat(x: Array) -> Array:
    """[B, H, W, F] -> [B, H W, F]"""
    return x.reshape(x.shape[0], -1, x.shape[-1])
