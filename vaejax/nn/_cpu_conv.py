"""Convolutions in the form, and with the gradients, that XLA:CPU runs fast; same numbers as lax.

A convolution y = conv(x, w) is linear in x and in w, so three maps close under differentiation:
`_forward` (x, w -> y), `_input_grad` (y, w -> x, which is also the transposed convolution) and
`_kernel_grad` (x, y -> w). What autodiff makes of them is slow on CPU for three reasons:

- It permutes dimension numbers instead of arrays. XLA then falls back to a scalar loop inside
  `lax.scan` (10-30 times slower), and always for transposed convolutions (8-13 times). Here every
  convolution is a `canonical_conv`: NHWC, HWIO, permutations written out.
- It dilates the input of a transposed convolution with zeros, and multiplies the zeros.
  `_subpixel` computes the same output without them (up to 6 times faster).
- It contracts the whole batch at once for the kernel's gradient, out of cache. `_correlate` takes
  as many images at a time as fit it (2 to 10 times faster).
"""

import math
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from vaejax.nn._cpu_canonical_conv import Geometry, canonical_conv
from vaejax.types import Array

# Measured on AVX2 cores with 512 KB of L2 cache, kernels 2x2 to 4x4 and 3x5, 1 to 128 channels.
CACHED = 2**19  # bytes of images and gradients that one step contracts for a kernel's gradient
MIN_FEATURES = 32  # with fewer outputs XLA takes several times as long on fewer images than
MIN_IMAGES = 8
MIN_SUBPIXEL_FEATURES = 4  # with fewer outputs the zeros cost less than the rearrangement


Sides = tuple[tuple[int, int], tuple[int, int]]
"""Zeros (above, below), (left, right) of an image; of negative ones so many pixels are cut off."""


class Window(NamedTuple):
    """How the taps of a kernel lie on an image.

    Attributes:
        stride: pixels from one output to the next.
        padding: zeros on every side of the image, or on each; None is SAME padding.
        dilation: pixels from one tap to the next.
    """

    stride: int = 1
    padding: int | Sides | None = None
    dilation: int = 1

    def extent(self, taps) -> list[int]:
        """Pixels from the first tap to the last, per dimension."""
        return [self.dilation * (k - 1) + 1 for k in taps]

    def before(self, size, taps) -> list[int]:
        """Zeros before an image of `size`, per dimension."""
        if self.padding is not None:
            return [before for before, _ in sides(self.padding)]
        pairs = zip(size, self.extent(taps), strict=True)
        return [max(k - (n - 1) % self.stride - 1, 0) // 2 for n, k in pairs]

    def shifts(self, taps) -> bool:
        """Whether some tap sees none of the image at some output, or pixels are cut off."""
        if self.padding is None:
            return False
        pairs = zip(sides(self.padding), self.extent(taps), strict=True)
        return any(not 0 <= side < k for both, k in pairs for side in both)

    @property
    def lax_padding(self) -> str | tuple[tuple[int, int], ...]:
        """The same as `lax.conv_general_dilated` wants it."""
        return "SAME" if self.padding is None else sides(self.padding)


def sides(padding: int | Sides) -> Sides:
    """Of both dimensions."""
    return ((padding, padding),) * 2 if isinstance(padding, int) else padding


def is_pointwise(kernel: Array, window: Window) -> bool:
    """Whether a convolution looks at one pixel at a time and at every one once."""
    unpadded = window.padding is None or sides(window.padding) == sides(0)
    return kernel.shape[:2] == (1, 1) and window.stride == 1 and unpadded


def pointwise(x: Array, kernel: Array) -> Array:
    """[B, H, W, I], [1, 1, I, O] -> [B, H, W, O]: a matrix product, of which gradients are too.

    The kernel's gradient is three times faster than a convolution's: 11.6 -> 3.2 ms for 16 images
    of 32 x 32 pixels, 32 channels and 192 outputs.
    """
    pixels = x.reshape(math.prod(x.shape[:-1]), x.shape[-1])
    return (pixels @ kernel[0, 0]).reshape(*x.shape[:-1], kernel.shape[-1])


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def conv(x: Array, kernel: Array, window: Window) -> Array:
    """[B, H, W, I], [h, w, I, O] -> [B, ceil(H / stride), ceil(W / stride), O] where SAME."""
    return _forward(x, kernel, window)


def _conv_fwd(x: Array, kernel: Array, window: Window):
    return _forward(x, kernel, window), (x, kernel)


def _conv_bwd(window: Window, residuals: tuple[Array, Array], grad: Array) -> tuple[Array, Array]:
    x, kernel = residuals
    return (
        _input_grad(grad, kernel, window, x.shape[1:3]),
        _kernel_grad(x, grad, window, kernel.shape[:2]),
    )


conv.defvjp(_conv_fwd, _conv_bwd)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def conv_transpose(x: Array, kernel: Array, stride: int) -> Array:
    """[B, H, W, I], [h, w, I, O] -> [B, stride * H, stride * W, O], SAME padding."""
    size = (stride * x.shape[1], stride * x.shape[2])
    return _input_grad(x, _mirror(kernel), Window(stride), size)


def _conv_transpose_fwd(x: Array, kernel: Array, stride: int):
    return conv_transpose(x, kernel, stride), (x, kernel)


def _conv_transpose_bwd(
    stride: int, residuals: tuple[Array, Array], grad: Array
) -> tuple[Array, Array]:
    x, kernel = residuals
    return (
        _forward(grad, _mirror(kernel), Window(stride)),
        _mirror(_kernel_grad(grad, x, Window(stride), kernel.shape[:2])),
    )


conv_transpose.defvjp(_conv_transpose_fwd, _conv_transpose_bwd)


def _forward(x: Array, kernel: Array, window: Window) -> Array:
    stride, dilation = (window.stride,) * 2, (window.dilation,) * 2
    geometry = Geometry(window.lax_padding, strides=stride, kernel_dilation=dilation)
    return canonical_conv(x, kernel, geometry)


def _input_grad(grad: Array, kernel: Array, window: Window, size: tuple[int, ...]) -> Array:
    """The gradient of `_forward` for its input, of height and width `size`."""
    taps, features, stride = kernel.shape[:2], kernel.shape[2], window.stride
    before = window.before(size, taps)
    divisible = stride > 1 and all(k % stride == 0 for k in taps)
    if divisible and window == Window(stride) and features >= MIN_SUBPIXEL_FEATURES:
        return _subpixel(grad, kernel, stride, before, size)
    extent = window.extent(taps)
    dilated = [stride * (n - 1) + 1 for n in grad.shape[1:3]]
    after = [k - 1 - b for k, b in zip(extent, before, strict=True)]
    geometry = Geometry(
        _padding(after, dilated, extent, size),
        image_dilation=(stride, stride),
        kernel_dilation=(window.dilation, window.dilation),
    )
    return canonical_conv(grad, _mirror(kernel), geometry)


def _subpixel(
    grad: Array, kernel: Array, stride: int, before: list[int], size: tuple[int, ...]
) -> Array:
    """`_input_grad` as a dense convolution that computes all stride * stride phases at once.

    Tap a of the kernel takes position i of `grad` to output stride * i + a - before. Written as
    a = stride * t + p, it is phase p of block i + t: a convolution with taps t and an output
    channel for every phase. The blocks are then laid out as pixels and cropped at `before`.
    """
    h, w, features, channels = kernel.shape
    s, th, tw = stride, h // stride, w // stride
    kernel = kernel.reshape(th, s, tw, s, features, channels)[::-1, :, ::-1]
    kernel = kernel.transpose(0, 2, 5, 1, 3, 4).reshape(th, tw, channels, s * s * features)
    blocks = canonical_conv(grad, kernel, Geometry(((th - 1, th - 1), (tw - 1, tw - 1))))
    batch, rows, columns, _ = blocks.shape
    blocks = blocks.reshape(batch, rows, columns, s, s, features)
    pixels = blocks.transpose(0, 1, 3, 2, 4, 5).reshape(batch, rows * s, columns * s, features)
    top, left = before
    return pixels[:, top : top + size[0], left : left + size[1]]


def _kernel_grad(x: Array, grad: Array, window: Window, taps: tuple[int, ...]) -> Array:
    """The gradient of `_forward` for its kernel, of height and width `taps`."""
    before = window.before(x.shape[1:3], taps)
    if window.stride == 1 and grad.shape[3] < x.shape[3]:
        # The roles are symmetric, and XLA wants the larger number of channels last.
        before = [k - 1 - b for k, b in zip(window.extent(taps), before, strict=True)]
        return _mirror(_correlate(grad, x, window, before, taps))
    return _correlate(x, grad, window, before, taps)


def _correlate(
    x: Array, grad: Array, window: Window, before: list[int], taps: tuple[int, ...]
) -> Array:
    """[B, H, W, I], [B, h, w, O] -> [*taps, I, O]: sum of x[stride * i + tap - before] grad[i].

    Tap t stands at dilation * t.
    """
    stride, dilation = (window.stride,) * 2, (window.dilation,) * 2
    dilated = [window.stride * (n - 1) + 1 for n in grad.shape[1:3]]
    padding = _padding(before, x.shape[1:3], dilated, window.extent(taps))
    geometry = Geometry(padding, strides=dilation, kernel_dilation=stride)

    def contract(x: Array, grad: Array) -> Array:  # channels as the batch, the batch as channels
        image, kernel = x.transpose(3, 1, 2, 0), grad.transpose(1, 2, 0, 3)
        return canonical_conv(image, kernel, geometry).transpose(1, 2, 0, 3)

    images = _images_per_step(x, grad)
    if images == x.shape[0]:
        return contract(x, grad)
    # Each step takes equally spaced images: a batch sharded over devices then stays where it is.
    x, grad = (a.reshape(images, -1, *a.shape[1:]) for a in (x, grad))

    def add_step(total: Array, step: Array) -> tuple[Array, None]:
        take = partial(lax.dynamic_index_in_dim, index=step, axis=1, keepdims=False)
        return total + contract(take(x), take(grad)), None

    total_dtype = jnp.promote_types(x.dtype, jnp.float32)
    total = jnp.zeros((*taps, x.shape[-1], grad.shape[-1]), total_dtype)
    return lax.scan(add_step, total, jnp.arange(x.shape[1]))[0].astype(grad.dtype)


def _images_per_step(x: Array, grad: Array) -> int:
    """How many images to contract at a time, a divisor of B."""
    batch = x.shape[0]
    bytes_each = (x.size + grad.size) // batch * x.dtype.itemsize
    least = MIN_IMAGES if grad.shape[-1] < MIN_FEATURES else 1
    # One for every device at least, among which a batch may be split.
    least = math.gcd(batch, math.lcm(least, jax.local_device_count()))
    counts = [
        n for n in range(least, batch + 1, least) if batch % n == 0 and n * bytes_each <= CACHED
    ]
    return max(counts, default=least)


def _mirror(kernel: Array) -> Array:
    """[h, w, I, O] -> [h, w, O, I], turned by 180 degrees; its own inverse."""
    return kernel[::-1, ::-1].swapaxes(2, 3)


def _padding(before, inputs, taps, outputs) -> tuple[tuple[int, int], ...]:
    """(before, after) such that `taps` slide over `inputs` positions to `outputs` positions."""
    return tuple(
        (b, o + k - 1 - n - b) for b, n, k, o in zip(before, inputs, taps, outputs, strict=True)
    )
