"""What NVAE's residual cells are made of: one operation of the encoder, one of the decoder.

Reference: Vahdat & Kautz, NVAE, 2020, section 3.1 and figure 3.
"""

from collections.abc import Callable
from typing import Literal

import flax.linen as nn

from vaejax.nn.batch_norm import BatchNorm
from vaejax.nn.conv import Conv, conv, depthwise_doubled
from vaejax.nn.initializers import kernel_init
from vaejax.nn.resize import nearest_double
from vaejax.nn.swish import swish
from vaejax.nn.weight_norm import WeightNormConv
from vaejax.types import Array

Resample = Literal["same", "down", "up"]


class PreActivationConv(nn.Module):
    """Batch normalisation, activation, 3x3 convolution: the operation of the encoder's cells.

    Attributes:
        features: output channels.
        resample: "up" doubles the size by repeating pixels, "down" strides the convolution.
        normalise: whether there is a batch normalisation.
        activation: swish or ELU.
        dilation: of the convolution.
    """

    features: int
    resample: Resample = "same"
    normalise: bool = True
    activation: Callable[[Array], Array] = swish
    dilation: int = 1

    @nn.compact
    def __call__(self, x: Array, train: bool) -> Array:
        if self.normalise:
            x = BatchNorm(name="norm")(x, train)
        x = self.activation(x)
        if self.resample == "up":
            x = nearest_double(x)
        stride = 2 if self.resample == "down" else 1
        return WeightNormConv(self.features, 3, stride, self.dilation, name="conv")(x)


class InvertedBottleneck(nn.Module):
    """Depthwise-separable: expand 1x1, filter k x k, project 1x1, normalised throughout.

    Attributes:
        features: output channels.
        resample: "up" doubles the size by repeating pixels, "down" strides the filter.
        expansion: hidden channels per input channel.
        kernel_size: k, odd.
        groups: of the filter; None is one per hidden channel.
    """

    features: int
    resample: Resample = "same"
    expansion: int = 6
    kernel_size: int = 5
    groups: int | None = None

    @nn.compact
    def __call__(self, x: Array, train: bool) -> Array:
        # What looks at one pixel at a time gives the same before pixels are repeated as after.
        repeats = 4 if self.resample == "up" else 1
        x = BatchNorm(repeats=repeats, name="norm_in")(x, train)
        x = self._pointwise(self.expansion * x.shape[-1], "expand", x)
        x = swish(BatchNorm(repeats=repeats, name="norm_expand")(x, train))
        x = Filter(self.kernel_size, self.resample, self.groups, name="filter")(x)
        x = swish(BatchNorm(name="norm_filter")(x, train))
        x = self._pointwise(self.features, "project", x)
        return BatchNorm(name="norm_out")(x, train)

    def _pointwise(self, features: int, name: str, x: Array) -> Array:
        layer = Conv(features, 1, use_bias=False, kernel_init=kernel_init, dtype=x.dtype, name=name)
        return layer(x)


class Filter(nn.Module):
    """A convolution within groups of channels, with the parameter `kernel` [k, k, C / groups, C].

    Attributes:
        kernel_size: k, odd.
        resample: "up" doubles the size by repeating pixels first, "down" strides.
        groups: None is depthwise, one filter per channel.
    """

    kernel_size: int
    resample: Resample = "same"
    groups: int | None = None

    @nn.compact
    def __call__(self, x: Array) -> Array:
        channels, k = x.shape[-1], self.kernel_size
        groups = channels if self.groups is None else self.groups
        kernel = self.param("kernel", kernel_init, (k, k, channels // groups, channels))
        kernel = kernel.astype(x.dtype)
        if self.resample == "up":
            if groups == channels:
                return depthwise_doubled(x, kernel)
            x = nearest_double(x)
        stride = 2 if self.resample == "down" else 1
        return conv(x, kernel, stride=stride, padding=k // 2, groups=groups)
