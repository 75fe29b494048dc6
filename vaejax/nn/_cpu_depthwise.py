"""Depthwise convolutions as shifted multiply-adds; same numbers as lax, an order faster on CPU.

XLA:CPU runs a convolution with one filter per channel in a scalar loop. As a sum over taps of a
shifted image times one number per channel it is one fused pass over the image. As in `_cpu_conv`,
three maps close under differentiation: `depthwise` (x, w -> y), `_input_grad` (y, w -> x) and
`_kernel_grad` (x, y -> w), each with the other two as its gradients.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from vaejax.nn._cpu_conv import Window
from vaejax.types import Array

Size = tuple[int, int]


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def depthwise(x: Array, kernel: Array, window: Window) -> Array:
    """[B, H, W, C], [h, w, C] -> [B, H', W', C], every channel with its own filter."""
    return _sum_over_taps(_shifted(x, kernel.shape[:2], window), kernel, x.dtype)


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def _input_grad(grad: Array, kernel: Array, window: Window, size: Size) -> Array:
    """The gradient of `depthwise` for its input, of height and width `size`."""
    taps = kernel.shape[:2]
    extent, before = window.extent(taps), window.before(size, taps)
    stride = window.stride
    padding = [(0, 0, 0)]
    for n, k, b, o in zip(size, extent, before, grad.shape[1:3], strict=True):
        padding.append((k - 1 - b, n + b - 1 - stride * (o - 1), stride - 1))
    padded = lax.pad(grad, jnp.zeros((), grad.dtype), [*padding, (0, 0, 0)])
    # The taps are mirrored by indexing: a reversed kernel inside the fusion costs three times more.
    shifts = _slices(padded, taps, Window(1, 0, window.dilation), size)
    return _sum_over_taps(shifts[::-1], kernel, grad.dtype)


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def _kernel_grad(x: Array, grad: Array, window: Window, taps: Size) -> Array:
    """The gradient of `depthwise` for its kernel, of height and width `taps`."""
    dtype = jnp.promote_types(x.dtype, jnp.float32)
    products = [(shift * grad).astype(dtype) for shift in _shifted(x, taps, window)]
    zeros = [jnp.zeros((), dtype)] * len(products)

    def add(totals, terms):
        return [total + term for total, term in zip(totals, terms, strict=True)]

    # One reduction of all taps reads x and grad once; first B and H, which leaves C contiguous.
    sums = lax.reduce(products, zeros, add, (0, 1))
    stacked = jnp.stack([total.sum(0) for total in sums])
    return stacked.reshape(*taps, x.shape[-1]).astype(x.dtype)


def _shifted(x: Array, taps: Size, window: Window) -> list[Array]:
    """The image under every tap, row by row."""
    before, extent = window.before(x.shape[1:3], taps), window.extent(taps)
    if window.padding is None:
        outputs = [-(-n // window.stride) for n in x.shape[1:3]]
    else:
        outputs = [
            (n + 2 * window.padding - k) // window.stride + 1
            for n, k in zip(x.shape[1:3], extent, strict=True)
        ]
    padding = [(0, 0)]
    for n, k, b, o in zip(x.shape[1:3], extent, before, outputs, strict=True):
        padding.append((b, max(window.stride * (o - 1) + k - n - b, 0)))
    return _slices(jnp.pad(x, [*padding, (0, 0)]), taps, window, outputs)


def _slices(padded: Array, taps: Size, window: Window, outputs) -> list[Array]:
    """The padded image under every tap, [B, *outputs, C] each, row by row."""
    stride, dilation = window.stride, window.dilation
    rows, columns = (
        [slice(dilation * tap, dilation * tap + stride * (n - 1) + 1, stride) for tap in range(k)]
        for k, n in zip(taps, outputs, strict=True)
    )
    return [padded[:, row, column] for row in rows for column in columns]


def _sum_over_taps(shifts: list[Array], kernel: Array, dtype: jnp.dtype) -> Array:
    weights = kernel.reshape(-1, 1, 1, 1, kernel.shape[-1])
    total = sum(shift * weight for shift, weight in zip(shifts, weights, strict=True))
    return total.astype(dtype)


def _depthwise_fwd(x, kernel, window):
    return depthwise(x, kernel, window), (x, kernel)


def _depthwise_bwd(window, residuals, grad):
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
        depthwise(cotangent, kernel, window),
        _kernel_grad(cotangent, grad, window, kernel.shape[:2]),
    )


def _kernel_grad_fwd(x, grad, window, taps):
    return _kernel_grad(x, grad, window, taps), (x, grad)


def _kernel_grad_bwd(window, taps, residuals, cotangent):
    x, grad = residuals
    return _input_grad(grad, cotangent, window, x.shape[1:3]), depthwise(x, cotangent, window)


depthwise.defvjp(_depthwise_fwd, _depthwise_bwd)
_input_grad.defvjp(_input_grad_fwd, _input_grad_bwd)
_kernel_grad.defvjp(_kernel_grad_fwd, _kernel_grad_bwd)
