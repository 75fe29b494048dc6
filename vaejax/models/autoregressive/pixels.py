"""The distribution of images whose pixels depend on those before them: scored at once, drawn one
by one.

    p(x | c) = prod_i p(x_i | x_<i, c), pixels row by row, their colours together or one by one.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from vaejax.distributions import Likelihood, sum_events
from vaejax.models.autoregressive.network import Outputs, PixelNetwork
from vaejax.nn.causal import NOTHING, Given
from vaejax.nn.drawing import draw_in_order
from vaejax.types import Array


class Pixels(nn.Module):
    """p(x | c) of images [B, H, W, C] in [0, 1], where c is what is `Given`.

    Attributes:
        network: what says from the pixels before a pixel what it may be.
        likelihood: of a pixel, given what the network says.
        image_shape: (H, W, C).
    """

    network: PixelNetwork
    likelihood: Likelihood
    image_shape: tuple[int, int, int]

    def setup(self):
        self.module = self.network.module(self._outputs)

    @property
    def _outputs(self) -> Outputs:
        ordered = self.network.orders_colours
        return Outputs.of(self.likelihood, self.image_shape[-1], ordered=ordered)

    def __call__(
        self, images: Array, given: Given = NOTHING, dropout: Array | None = None
    ) -> Array:
        """The values of log p(x | c), [B], nats.

        Args:
            images: [B, H, W, C].
            given: c.
            dropout: keys [B] of what drops out; None keeps all.
        """
        outputs = self.module(2.0 * images - 1.0, given, dropout)
        outputs = outputs.astype(jnp.promote_types(outputs.dtype, jnp.float32))
        distribution = self.likelihood.distribution(outputs, self.image_shape[-1])
        return sum_events(distribution.log_prob(images))

    def draw(
        self,
        keys: Array,
        given: Given = NOTHING,
        temperature: float | Array = 1.0,
        *,
        images: Array | None = None,
        known: Array | None = None,
    ) -> Array:
        """Images [B, H, W, C], pixel by pixel.

        Args:
            keys: [B], one per image; a pixel's is folded with its number.
            given: c.
            temperature: of every pixel: divides logits, multiplies scales.
            images: of which some pixels are known.
            known: [B, H, W], 1 where they are; these stay as they are.
        """
        height, width, channels = self.image_shape
        turns = self._outputs.colours

        def drawn(before: Array, outputs: Array, number: Array, turn: int) -> Array:
            outputs = outputs.astype(jnp.promote_types(outputs.dtype, jnp.float32))
            distribution = self.likelihood.distribution(outputs, channels)
            distribution = distribution.with_temperature(temperature)
            folded = jax.vmap(jax.random.fold_in, (0, None))(keys, number * turns + turn)
            pixel = 2.0 * jax.vmap(self.likelihood.drawn)(distribution, folded) - 1.0
            pixel = pixel.astype(before.dtype)
            return before.at[..., turn].set(pixel[..., turn]) if turns > 1 else pixel

        if images is None:
            canvas = jnp.zeros((len(keys), height, width, channels), self._dtype)
        else:
            canvas = 2.0 * images - 1.0
        network, variables = self.module.unbind()
        canvas = draw_in_order(network, variables, canvas, drawn, given, turns=turns, known=known)
        filled = 0.5 * (canvas + 1.0)
        if images is None or known is None:
            return filled
        return jnp.where(known[..., None] > 0, images, filled)

    @property
    def _dtype(self) -> jnp.dtype:
        """That of the parameters."""
        return jnp.result_type(*jax.tree.leaves(self.module.variables["params"]))
