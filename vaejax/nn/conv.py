"""Every convolution of the library: NHWC images, HWIO kernels, SAME padding unless told.

The functions are what XLA runs natively on GPU and TPU; on CPU, where XLA's own are 4 to 30 times
slower, they are the reformulations of `_cpu_conv.py` and `_cpu_depthwise.py`. Values and gradients
are the same to float32 rounding. They take the kernel as an argument, so a layer may mask it,
normalise it or share it; `Conv` and `ConvTranspose` are the plain layers.
"""

from collections.abc import Callable

import flax.linen as nn
import jax.numpy as jnp
from flax.linen.dtypes import promote_dtype
from jax import lax
from jax.typing import DTypeLike

from vaejax.core.platform import is_native
from vaejax.nn import _cpu_conv, _cpu_depthwise
from vaejax.nn._cpu_conv import Sides, Window, sides
from vaejax.nn.initializers import glorot_uniform
from vaejax.nn.resize import nearest_double
from vaejax.types import Array


def conv(
    x: Array,
    kernel: Array,
    *,
    stride: int = 1,
    padding: int | Sides | None = None,
    dilation: int = 1,
    groups: int = 1,
) -> Array:
    """Convolution in the usual sense (a cross-correlation).

    Args:
        x: [B, H, W, I].
        kernel: [h, w, I / groups, O], of the dtype of `x`.
        stride: of both spatial dimensions.
        padding: zeros on every side, or (above, below), (left, right), where negative ones cut
            pixels off; None is SAME padding.
        dilation: pixels from one tap of the kernel to the next.
        groups: equal blocks of input channels, each seen by its own block of output channels; I
            of them, with O = I, is a depthwise convolution.

    Returns:
        [B, ceil(H / stride), ceil(W / stride), O] with SAME padding.
    """
    _check(x, kernel, groups)
    window = Window(stride, padding, dilation)
    if padding is not None and window.shifts(kernel.shape[:2]):
        # The gradient for x would cut off what lies before it, for which XLA:CPU reads elsewhere.
        x, window = _padded(x, padding), Window(stride, 0, dilation)
    if not is_native():
        if groups == x.shape[-1] == kernel.shape[-1]:
            return _cpu_depthwise.depthwise(x, kernel[:, :, 0], window)
        if groups == 1 and _cpu_conv.is_pointwise(kernel, window):
            return _cpu_conv.pointwise(x, kernel)
        parts = zip(jnp.split(x, groups, -1), jnp.split(kernel, groups, -1), strict=True)
        return jnp.concatenate([_cpu_conv.conv(*part, window) for part in parts], -1)
    return lax.conv_general_dilated(
        x,
        kernel,
        (stride, stride),
        window.lax_padding,
        rhs_dilation=(dilation, dilation),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=groups,
    )


def conv_transpose(x: Array, kernel: Array, *, stride: int) -> Array:
    """Transposed ("de-") convolution with SAME padding: enlarges by `stride`.

    It is aligned as the gradient of `conv` for its input: with `kernel[::-1, ::-1]` and I and O
    exchanged, exactly that. The layout is that of `flax.linen.ConvTranspose`.

    Args:
        x: [B, H, W, I].
        kernel: [h, w, I, O], of the dtype of `x`.
        stride: of both spatial dimensions.

    Returns:
        [B, stride * H, stride * W, O].
    """
    _check(x, kernel)
    if not is_native():
        return _cpu_conv.conv_transpose(x, kernel, stride)
    return lax.conv_transpose(
        x, kernel, (stride, stride), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def depthwise_doubled(x: Array, kernel: Array) -> Array:
    """Depthwise `conv`, with k // 2 zeros around, of the image with every pixel four times.

    Args:
        x: [B, H, W, C].
        kernel: [k, k, 1, C], of the dtype of `x`; k odd.

    Returns:
        [B, 2H, 2W, C].
    """
    groups = x.shape[-1]
    _check(x, kernel, groups)
    k = kernel.shape[0]
    if kernel.shape != (k, k, 1, groups) or k % 2 == 0:
        raise ValueError(f"kernel: expected [k, k, 1, {groups}], k odd, got shape {kernel.shape}")
    if not is_native():
        return _cpu_depthwise.depthwise_doubled(x, kernel[:, :, 0])
    return conv(nearest_double(x), kernel, padding=k // 2, groups=groups)


def _padded(x: Array, padding: int | Sides) -> Array:
    inner = [(before, after, 0) for before, after in sides(padding)]
    return lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), *inner, (0, 0, 0)])


def _check(x: Array, kernel: Array, groups: int = 1) -> None:
    if x.ndim != 4:
        raise ValueError(f"x: expected [B, H, W, C], got shape {x.shape}")
    channels = x.shape[3] // groups
    if kernel.ndim != 4 or kernel.shape[2] != channels or kernel.shape[3] % groups:
        raise ValueError(f"kernel: expected [h, w, {channels}, O], got shape {kernel.shape}")


class Conv(nn.Module):
    """`conv` with parameters `kernel` [k, k, I, O] and `bias` [O], both float32.

    Attributes:
        features: O.
        kernel_size: k, of square kernels.
        stride: by which height and width shrink.
        use_bias: whether there is a `bias`.
        kernel_init: initialiser of `kernel`; `bias` starts at zero.
        dtype: to compute in; None is that of the inputs and parameters.
    """

    features: int
    kernel_size: int
    stride: int = 1
    use_bias: bool = True
    kernel_init: Callable[..., Array] = glorot_uniform
    dtype: DTypeLike | None = None

    @nn.compact
    def __call__(self, x: Array) -> Array:
        shape = (self.kernel_size, self.kernel_size, x.shape[-1], self.features)
        kernel = self.param("kernel", self.kernel_init, shape)
        bias = self.param("bias", nn.initializers.zeros, shape[-1:]) if self.use_bias else None
        x, kernel, bias = promote_dtype(x, kernel, bias, dtype=self.dtype)
        y = self._convolve(x, kernel)
        return y if bias is None else y + bias.reshape(1, 1, 1, -1)

    def _convolve(self, x: Array, kernel: Array) -> Array:
        return conv(x, kernel, stride=self.stride)


class ConvTranspose(Conv):
    """`conv_transpose` with parameters `kernel` [k, k, I, O] and `bias` [O]; as `Conv` otherwise.

    Here `stride` is the factor by which height and width grow.
    """

    def _convolve(self, x: Array, kernel: Array) -> Array:
        return conv_transpose(x, kernel, stride=self.stride)
