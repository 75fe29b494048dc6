"""The residual layer of PixelCNN++ and PixelSNAIL: two causal convolutions, and a gate.

References:
    Salimans et al., PixelCNN++, 2017, section 2.
    Shang et al., Understanding and improving convolutional neural networks via concatenated
    rectified linear units, 2016 (a function of x and of -x).
"""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp

from vaejax.nn.causal import INITIAL_SCALE, NOTHING, CausalConv, Given, Place, Stream
from vaejax.nn.dropout import dropout
from vaejax.nn.gates import Gates
from vaejax.nn.initializers import normal
from vaejax.types import Array

GATES_INIT_SCALE = 0.1  # so that a layer is almost the identity at first


def concat_elu(x: Array) -> Array:
    """ELU of x and of -x, [..., C] -> [..., 2C]."""
    negative = jnp.expm1(jnp.where(x > 0, -x, x))  # of whichever is: one exponential, not two
    return jnp.concatenate([jnp.where(x > 0, x, negative), jnp.where(x > 0, negative, -x)], -1)


class GatedResnet(nn.Module):
    """x + a sigmoid(b), where a and b are of the second of two normalised convolutions.

    Attributes:
        features: C, of what comes in as well.
        kernel: (h, w), of both.
        stream: of rows, or of pixels.
        nonlinearity: before each of them.
        dropout_rate: of what the second one sees.
    """

    features: int
    kernel: tuple[int, int] = (1, 1)
    stream: Stream = "pixels"
    nonlinearity: Callable[[Array], Array] = concat_elu
    dropout_rate: float = 0.0

    @nn.compact
    def __call__(
        self,
        x: Array,
        auxiliary: Array | None = None,
        given: Given = NOTHING,
        place: Place | None = None,
        *,
        keys: Array | None = None,
        site: int | Array = 0,
    ) -> Array:
        """[B, H, W, C] -> [B, H, W, C].

        Args:
            x: everywhere, or what is new at a place.
            auxiliary: [B, H, W, A] from elsewhere in the network, seen at the pixel itself.
            given: what else is known, of the same height and width.
            place: as in `CausalConv`.
            keys: of dropout, [B]; None drops nothing.
            site: of dropout.
        """

        def conv(features: int, init_scale: float, name: str) -> CausalConv:
            return CausalConv(features, self.kernel, self.stream, init_scale=init_scale, name=name)

        h = conv(self.features, 1.0, "conv")(self.nonlinearity(x), place)
        if auxiliary is not None:
            seen = CausalConv(self.features, init_scale=1.0, name="auxiliary")
            h = h + seen(self.nonlinearity(auxiliary))
        h = dropout(self.nonlinearity(h), keys, self.dropout_rate, site)
        h = conv(2 * self.features, GATES_INIT_SCALE, "gates_conv")(h, place)
        gates = Gates(2 * self.features, normal(INITIAL_SCALE), name="given")
        a, b = jnp.split(h + gates(given), 2, -1)
        return x + a * jax.nn.sigmoid(b)
