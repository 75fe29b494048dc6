"""Depthwise convolutions as shifted multiply-adds; same numbers as lax, an order faster on CPU.

XLA:CPU runs a convolution with one filter per channel in a scalar loop. As a sum over taps of a
shifted image times one number per channel it is one fused pass over the image. As in `_cpu_conv`,
three maps close under differentiation: `_forward` (x, w -> y), `_input_grad` (y, w -> x) and
`_kernel_grad` (x, y -> w), each with the other two as its gradients.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from vaejax.nn._cpu_conv import Window, sides
from vaejax.types import Array

Size = tuple[int, int]


def depthwise(x: Array, kernel: Array, window: Window) -> Array:
    """[B, H, W, C], [h, w, C] -> [B, H', W', C], every channel with its own filter."""
    if window.dilation > 1:  # no network has such: zeros between the taps do
        between = (0, 0, window.dilation - 1)
        kernel = lax.pad(kernel, _zero(kernel), [between, between, (0, 0, 0)])
    return _forward(x, kernel, window._replace(dilation=1))


def depthwise_doubled(x: Array, kernel: Array) -> Array:
    """`depthwise`, with k // 2 zeros around, of `x` with every pixel twice as high and wide.

    To repeat pixels is a transposed convolution with stride 2 and a kernel of 2 x 2 ones. A filter
    after it makes one of both, with the kernels convolved: (k + 1)^2 products for every pixel of
    `x` instead of 4 k^2.

    Args:
        x: [B, H, W, C].
        kernel: [k, k, C], k odd.

    Returns:
        [B, 2H, 2W, C].
    """
    k, mirrored = kernel.shape[0], kernel[::-1, ::-1]
    shifts = [(0, 1, 0), (1, 0, 0)]
    both: Any = sum(
        lax.pad(mirrored, _zero(kernel), [row, column, (0, 0, 0)])
        for row in shifts
        for column in shifts
    )
    return _input_grad(x, both, Window(2, k // 2), (2 * x.shape[1], 2 * x.shape[2]))


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _forward(x: Array, kernel: Array, window: Window) -> Array:
    """`depthwise` without dilation."""
    stride, taps = window.stride, kernel.shape[:2]
    outputs = _outputs(x.shape[1:3], taps, window)
    extent = [stride * (o - 1) + k for o, k in zip(outputs, taps, strict=True)]
    padded = _padded(x, window.before(x.shape[1:3], taps), extent)
    rows, columns = (
        [slice(tap, tap + stride * (o - 1) + 1, stride) for tap in range(k)]
        for k, o in zip(taps, outputs, strict=True)
    )
    total: Any = sum(
        padded[:, row, column] * kernel[i, j].reshape(1, 1, 1, -1)
        for i, row in enumerate(rows)
        for j, column in enumerate(columns)
    )
    return total.astype(x.dtype)


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def _input_grad(grad: Array, kernel: Array, window: Window, size: Size) -> Array:
    """The gradient of `_forward` for its input, of height and width `size`.

    Tap a takes position i of `grad` to pixel n = stride * i + a - before. With zeros in front of
    the kernel `before` is a multiple of the stride; written as a = stride * t + p, tap a is then
    phase p of block i + t - before / stride, and the phases are a block's pixels.
    """
    s, before = window.stride, window.before(size, kernel.shape[:2])
    front = [-b % s for b in before]
    sides = [(f, -(k + f) % s, 0) for f, k in zip(front, kernel.shape[:2], strict=True)]
    kernel = lax.pad(kernel, _zero(kernel), [*sides, (0, 0, 0)])
    th, tw = (k // s for k in kernel.shape[:2])
    weights = kernel.reshape(th, s, tw, s, -1)
    h, w = (-(-n // s) for n in size)  # blocks
    ahead = [t - 1 - (b + f) // s for t, b, f in zip((th, tw), before, front, strict=True)]
    padded = _padded(grad, ahead, (h + th - 1, w + tw - 1))
    # The taps are mirrored by indexing: a reversed kernel inside the fusion costs three times more.
    blocks: Any = sum(
        padded[:, th - 1 - i : th - 1 - i + h, None, tw - 1 - j : tw - 1 - j + w, None]
        * weights[i, :, j].reshape(1, 1, s, 1, s, -1)
        for i in range(th)
        for j in range(tw)
    )
    pixels = blocks.reshape(-1, h * s, w * s, grad.shape[3])
    return pixels[:, : size[0], : size[1]].astype(grad.dtype)


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def _kernel_grad(x: Array, grad: Array, window: Window, taps: Size) -> Array:
    """The gradient of `_forward` for its kernel, of height and width `taps`.

    One row of `grad` at a time, times the rows of `x` under the kernel's, summed in an accumulator
    of k * k rows, which caches hold. (A reduction of all at once runs in scalars, and computes what
    x and grad are made of again for every tap.) Rows are flat vectors, long whatever the number of
    channels; their columns are sorted by their place within the stride, so that a shift is one of a
    vector. Rows follow one another: a batch sharded by `jit` is gathered on every device.
    """
    s, (k, _), (batch, h, w, channels) = window.stride, taps, grad.shape
    tw = -(-taps[1] // s)
    extent = (s * (h - 1) + k, s * (w + tw - 1))
    padded = _padded(x, window.before(x.shape[1:3], taps), extent)
    padded = padded.reshape(batch, extent[0], w + tw - 1, s, channels).swapaxes(2, 3)
    padded = padded.reshape(batch, extent[0], s, -1)
    grad = grad.reshape(batch, h, 1, w * channels)
    dtype = jnp.promote_types(x.dtype, jnp.float32)

    def add_row(n: Array, totals: list[Array]) -> list[Array]:
        image, row = n // h, n % h
        factor = lax.dynamic_slice(grad, (image, row, 0, 0), (1, 1, 1, w * channels))[0]

        def products(tap: int) -> Array:
            start, shape = (image, s * row, 0, tap * channels), (1, k, s, w * channels)
            return (lax.dynamic_slice(padded, start, shape)[0] * factor).astype(dtype)

        return [total + products(tap) for tap, total in enumerate(totals)]

    zeros = [jnp.zeros((k, s, w * channels), dtype)] * tw
    totals = jnp.stack(lax.fori_loop(0, batch * h, add_row, zeros), 1)  # [k, tw, s, w * C]
    sums = totals.reshape(k, tw * s, w, channels).sum(2)
    return sums[:, : taps[1]].astype(x.dtype)


def _outputs(size: Sequence[int], taps: Sequence[int], window: Window) -> list[int]:
    """Height and width of what a kernel makes of an image."""
    if window.padding is None:
        return [-(-n // window.stride) for n in size]
    whole = (n + sum(side) for n, side in zip(size, sides(window.padding), strict=True))
    return [(n - k) // window.stride + 1 for n, k in zip(whole, taps, strict=True)]


def _padded(x: Array, before: Sequence[int], extent: Sequence[int]) -> Array:
    """`x` with zeros before and after, or cropped, to the height and width `extent`."""
    sides = [(b, e - n - b, 0) for b, e, n in zip(before, extent, x.shape[1:3], strict=True)]
    return lax.pad(x, _zero(x), [(0, 0, 0), *sides, (0, 0, 0)])


def _zero(like: Array) -> Array:
    return jnp.zeros((), like.dtype)


def _forward_fwd(x, kernel, window):
    return _forward(x, kernel, window), (x, kernel)


def _forward_bwd(window, residuals, grad):
    x, kernel = residuals
    return (
        _input_grad(grad, kernel, window, x.shape[1:3]),
        _kernel_grad(x, grad, window, kernel.shape[:2]),
    )


def _input_grad_fwd(grad, kernel, window, size):
    return _input_grad(grad, kernel, window, size), (grad, kernel)


def _input_grad_bwd(window, size, residuals, cotangent):
    grad, kernel = residuals
    return (
        _forward(cotangent, kernel, window),
        _kernel_grad(cotangent, grad, window, kernel.shape[:2]),
    )


def _kernel_grad_fwd(x, grad, window, taps):
    return _kernel_grad(x, grad, window, taps), (x, grad)


def _kernel_grad_bwd(window, taps, residuals, cotangent):
    x, grad = residuals
    return _input_grad(grad, cotangent, window, x.shape[1:3]), _forward(x, cotangent, window)


_forward.defvjp(_forward_fwd, _forward_bwd)
_input_grad.defvjp(_input_grad_fwd, _input_grad_bwd)
_kernel_grad.defvjp(_kernel_grad_fwd, _kernel_grad_bwd)
