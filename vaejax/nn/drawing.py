"""Drawing images pixel by pixel from a network that was made for it: one compiled loop.

Every pixel is computed from what is kept of those before it (`vaejax.nn.causal`), so that an image
costs about one pass of the network in place of H W of them.

Reference: Ramachandran et al., Fast generation for convolutional autoregressive models, 2017.
"""

from collections.abc import Callable
from typing import Any, Protocol

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

from vaejax.nn.causal import NOTHING, Given, Place, put
from vaejax.types import Array


class Causal(Protocol):
    """A flax module whose outputs at a place depend on the input before it alone."""

    def __call__(self, x: Array, given: Given = ..., dropout: Array | None = None) -> Array:
        """Everywhere at once, [B, H, W, I] -> [B, H, W, O]."""

    def rows(self, x: Array, given: Given, place: Place) -> Any:
        """What is computed once for a row, of the rows above it."""

    def pixel(self, x: Array, rows: Any, given: Given, place: Place) -> Array:
        """The outputs [B, 1, 1, O] at a place, with what `rows` gives for its row."""


Draw = Callable[[Array, Array, Array, int], Array]
"""`(pixel so far [B, 1, 1, I], outputs [B, 1, 1, O], its number, turn) -> pixel [B, 1, 1, I]`."""


def draw_in_order(
    network: nn.Module,
    variables: Any,
    canvas: Array,
    draw: Draw,
    given: Given = NOTHING,
    *,
    turns: int = 1,
    known: Array | None = None,
) -> Array:
    """Fill in a canvas [B, H, W, I] from its first pixel to the last.

    Args:
        network: a `Causal` module, unbound.
        variables: of it.
        canvas: what is known; its other pixels do not matter.
        draw: what becomes of a pixel.
        given: what else the network knows.
        turns: how often every pixel is computed and drawn: once for each colour, if the network
            looks at the colours before.
        known: [B, H, W], 1 where pixels stay as they are; None draws all.
    """
    height, width = canvas.shape[1:3]

    def call(method: str, cache: Any, *args: Any) -> tuple[Any, Any]:
        result, changed = network.apply(
            {**variables, "cache": cache}, *args, method=method, mutable=["cache"]
        )
        return result, changed.get("cache", {})

    def both(cache: Any, canvas: Array) -> Any:
        """A pixel and its row, for the shapes of all that is kept."""
        zero = jnp.int32(0)
        rows, cache = call("rows", cache, canvas, given, Place(zero, width=width))
        place = Place(zero, zero, width=width)
        return call("pixel", cache, canvas, rows, given, place)[1]

    def next_row(row: Array, state: tuple[Array, Any]) -> tuple[Array, Any]:
        canvas, cache = state
        rows, cache = call("rows", cache, canvas, given, Place(row, width=width))

        def next_pixel(column: Array, state: tuple[Array, Any]) -> tuple[Array, Any]:
            canvas, cache = state
            place = Place(row, column, width=width)
            for turn in range(turns):
                outputs, cache = call("pixel", cache, canvas, rows, given, place)
                before = place.of(canvas)
                pixel = draw(before, outputs, row * width + column, turn)
                if known is not None:
                    pixel = jnp.where(place.of(known[..., None]) > 0, before, pixel)
                canvas = put(canvas, pixel, row, column)
            return canvas, cache

        return lax.fori_loop(0, width, next_pixel, (canvas, cache))

    shapes = jax.eval_shape(lambda canvas: both({}, canvas), canvas)
    nothing_yet = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)
    if known is not None:
        canvas = jnp.where(known[..., None] > 0, canvas, 0)
    return lax.fori_loop(0, height, next_row, (canvas, nothing_yet))[0]
