"""Plain stacks of dense layers."""

from collections.abc import Callable, Sequence

import flax.linen as nn
import jax

from vaejax.nn.dense import Dense
from vaejax.nn.initializers import glorot_uniform
from vaejax.types import Array


def leaky_relu(x: Array) -> Array:
    """max(x, 0.2 x)."""
    return jax.nn.leaky_relu(x, 0.2)


class MLP(nn.Module):
    """[B, D] -> [B, num_outputs] through hidden layers, the last layer linear.

    Attributes:
        hidden: widths of the hidden layers.
        num_outputs: size of the output.
        activation: after every hidden layer.
        bias_init: of the last layer.
    """

    hidden: Sequence[int]
    num_outputs: int
    activation: Callable[[Array], Array] = jax.nn.relu
    bias_init: Callable[..., Array] = nn.initializers.zeros

    @nn.compact
    def __call__(self, x: Array) -> Array:
        for width in self.hidden:
            x = self.activation(Dense(width, kernel_init=glorot_uniform)(x))
        last = Dense(self.num_outputs, kernel_init=glorot_uniform, bias_init=self.bias_init)
        return last(x)
