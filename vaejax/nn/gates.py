"""What gated layers are told of all that is known besides the pixels before: a class, a code."""

from collections.abc import Callable

import flax.linen as nn

from vaejax.nn.causal import CausalConv, Given
from vaejax.nn.dense import Dense
from vaejax.types import Array


class Gates(nn.Module):
    """What is added to the gates of a layer for what is given, [B, 1, 1, O] or [B, H, W, O].

    Attributes:
        features: O.
        vector_init: initialiser of the weights of the vector.
    """

    features: int
    vector_init: Callable[..., Array] = nn.initializers.lecun_normal()

    @nn.compact
    def __call__(self, given: Given) -> Array | float:
        total: Array | float = 0.0
        if given.vector is not None:
            weights = Dense(
                self.features, use_bias=False, kernel_init=self.vector_init, name="vector"
            )
            total = total + weights(given.vector)[:, None, None, :]
        if given.map is not None:
            total = total + CausalConv(self.features, name="map")(given.map)
        return total
