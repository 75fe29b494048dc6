"""Convolutions whose kernels have a learned norm per output channel.

    w_o = exp(log_norm_o) v_o / (|v_o| + 1e-5), recomputed at every use.

References:
    Salimans & Kingma, Weight normalization, 2016 (also norms and biases from the first batch).
    Vahdat & Kautz, NVAE, 2020 (log-norms, started at log(|v_o| + 0.01)).
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from flax.traverse_util import flatten_dict

from vaejax.nn.conv import conv
from vaejax.nn.initializers import bias_init, kernel_init
from vaejax.types import Array

KERNEL_AXES = (-4, -3, -2)  # all but the output channel; axes before them count stacked layers


class WeightNormConv(nn.Module):
    """A convolution with parameters `kernel` [k, k, I, O], `log_norm` [O] and `bias` [O].

    It pads with (k - 1) / 2 * dilation zeros on every side and computes in the type of its input.

    Attributes:
        features: O.
        kernel_size: k, odd.
        stride: by which height and width shrink.
        dilation: pixels from one tap to the next.
        use_bias: whether there is a `bias`.
    """

    features: int
    kernel_size: int
    stride: int = 1
    dilation: int = 1
    use_bias: bool = True

    @nn.compact
    def __call__(self, x: Array) -> Array:
        shape = (self.kernel_size, self.kernel_size, x.shape[-1], self.features)
        kernel = self.param("kernel", kernel_init, shape)
        log_norm = self.param("log_norm", lambda _: initial_log_norm(kernel))
        y = conv(
            x,
            weight_normalised(kernel, log_norm).astype(x.dtype),
            stride=self.stride,
            padding=self.kernel_size // 2 * self.dilation,
            dilation=self.dilation,
        )
        if not self.use_bias:
            return y
        bias = self.param("bias", bias_init(math.prod(shape[:-1])), shape[-1:])
        return y + bias.astype(x.dtype).reshape(1, 1, 1, -1)


def weight_normalised(kernel: Array, log_norm: Array) -> Array:
    """The kernel in use: [..., h, w, I, O] and log-norms [..., O] -> [..., h, w, I, O]."""
    norm = jnp.sqrt(jnp.sum(kernel**2, KERNEL_AXES, keepdims=True))
    return kernel * (jnp.exp(jnp.expand_dims(log_norm, KERNEL_AXES)) / (norm + 1e-5))


def initial_log_norm(kernel: Array) -> Array:
    """Log-norms [O] that leave a kernel [h, w, I, O] almost as it is."""
    return jnp.log(jnp.sqrt(jnp.sum(kernel**2, KERNEL_AXES)) + 1e-2)


def apply_with_first_norms(
    layer: nn.Module, apply: Callable[[Array], Array], kernel: Array, scale: float
) -> Array:
    """A layer of a normalised kernel, whose norms and biases are what its first batch asks for.

    On the batch that the layer is initialised with, outputs have mean 0 and standard deviation
    `scale` over all but the last axis (Salimans & Kingma, 2016, section 3, Eq. 5-6).

    Args:
        layer: a flax module, in its compact method; it is given `log_norm` [O] and `bias` [O].
        apply: from a kernel [h, w, I, O] in use to outputs [B, H, W, O].
        kernel: a parameter of the layer.
        scale: the standard deviation.
    """
    features = kernel.shape[-1:]
    if layer.is_initializing():
        y = apply(weight_normalised(kernel, jnp.zeros(features)))
        norm = scale / jnp.sqrt(y.var((0, 1, 2)) + 1e-10)
        log_norm = layer.param("log_norm", lambda _: jnp.log(norm))
        bias = layer.param("bias", lambda _: -y.mean((0, 1, 2)) * norm)
    else:
        log_norm = layer.param("log_norm", nn.initializers.zeros, features)
        bias = layer.param("bias", nn.initializers.zeros, features)
    y = apply(weight_normalised(kernel, log_norm))
    return y + bias.astype(y.dtype).reshape(1, 1, 1, -1)


def kernels_in_use(params: Mapping[str, Any]) -> dict[str, Array]:
    """Every convolution's kernel as it is applied, [..., h, w, I, O] by path `a/b/kernel`.

    Dense kernels have fewer axes and are not among them.
    """
    leaves = flatten_dict(params, sep="/")
    kernels = {}
    for path, leaf in leaves.items():
        if path.endswith("/kernel") and leaf.ndim >= 4:
            log_norm = leaves.get(path.removesuffix("kernel") + "log_norm")
            kernels[path] = leaf if log_norm is None else weight_normalised(leaf, log_norm)
    return kernels
