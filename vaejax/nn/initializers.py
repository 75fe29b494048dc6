"""Initialisation of dense and convolutional layers: uniform, on +-bound, or normal.

PyTorch's default, which NVAE is trained from, has bound = 1 / sqrt(fan_in) for kernels and biases
(He et al., Delving deep into rectifiers, 2015, with a = sqrt 5); Glorot & Bengio's (Understanding
the difficulty of training deep feedforward networks, 2010) sqrt(6 / (fan_in + fan_out)). fan_in is
the number of inputs that one output sees, fan_out the number of outputs that see one input.
"""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from vaejax.core.randomness import draw
from vaejax.types import Array

Shape = tuple[int, ...]


def kernel_init(rng: Array, shape: Shape, dtype: DTypeLike = jnp.float32) -> Array:
    """PyTorch's, for kernels [..., I, O]."""
    return _symmetric(rng, shape, dtype, 1.0 / math.sqrt(math.prod(shape[:-1])))


def bias_init(fan_in: int) -> Callable[..., Array]:
    """PyTorch's, for the biases of outputs that see `fan_in` inputs each."""

    def init(rng: Array, shape: Shape, dtype: DTypeLike = jnp.float32) -> Array:
        return _symmetric(rng, shape, dtype, 1.0 / math.sqrt(fan_in))

    return init


def glorot_uniform(rng: Array, shape: Shape, dtype: DTypeLike = jnp.float32) -> Array:
    """Glorot & Bengio's, for kernels [..., I, O]."""
    taps = math.prod(shape[:-2])
    return _symmetric(rng, shape, dtype, math.sqrt(6.0 / (taps * (shape[-2] + shape[-1]))))


def normal(stddev: float) -> Callable[..., Array]:
    """Normal draws of mean 0, for kernels and weights."""

    def init(rng: Array, shape: Shape, dtype: DTypeLike = jnp.float32) -> Array:
        return stddev * draw(jax.random.normal, rng, shape, dtype)

    return init


def _symmetric(rng: Array, shape: Shape, dtype: DTypeLike, bound: float) -> Array:
    return draw(jax.random.uniform, rng, shape, dtype, -bound, bound)
