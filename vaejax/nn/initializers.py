"""PyTorch's default initialisation of dense and convolutional layers, which NVAE is trained from.

Kernels and biases are uniform on +-1 / sqrt(fan_in), fan_in being the number of inputs that one
output sees (He et al., Delving deep into rectifiers, 2015, with a = sqrt 5).
"""

import math
from collections.abc import Callable

import flax.linen as nn
import jax

from vaejax.types import Array

kernel_init = nn.initializers.variance_scaling(1.0 / 3.0, "fan_in", "uniform")


def bias_init(fan_in: int) -> Callable[..., Array]:
    """The initialiser of the biases of outputs that see `fan_in` inputs each."""
    bound = 1.0 / math.sqrt(fan_in)

    def init(rng: Array, shape: tuple[int, ...]) -> Array:
        return jax.random.uniform(rng, shape, minval=-bound, maxval=bound)

    return init
