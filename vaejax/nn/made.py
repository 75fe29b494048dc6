"""Networks that say a shift and a log-scale of every coordinate from the coordinates before it.

The order is that of the array: of a vector [D] from the first to the last, of a grid [H, W, C] by
rows, channels last. Masks are constants of NumPy; what is outside them starts at zero and has no
gradient. The last layer starts at zero, so that all shifts and log-scales are zero at first.

References:
    Germain et al., MADE: masked autoencoder for distribution estimation, 2015.
    Kingma et al., Improving variational inference with inverse autoregressive flow, 2016 (context,
        masked convolutions over grids).
"""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax.linen.dtypes import promote_dtype

from vaejax.nn.autoregressive import MaskedConv, causal_mask
from vaejax.nn.dense import Dense, dot_general
from vaejax.nn.initializers import glorot_uniform
from vaejax.types import Array

KERNEL_SIZE = 3  # of the convolutions over grids


def degrees(width: int, size: int) -> np.ndarray:
    """How many of `size` coordinates each of `width` hidden units may see, [width].

    Spread evenly from 0, of a unit that sees the context alone, to size - 1.
    """
    return np.arange(width) * size // width


class MaskedDense(nn.Module):
    """A dense layer whose kernel [I, O] is multiplied by a mask.

    Attributes:
        kernel_init: of the kernel before the mask.
    """

    kernel_init: Callable[..., Array] = glorot_uniform

    @nn.compact
    def __call__(self, x: Array, mask: np.ndarray) -> Array:
        """[..., I] -> [..., O]."""
        kernel = self.param("kernel", lambda rng: self.kernel_init(rng, mask.shape) * mask) * mask
        bias = self.param("bias", nn.initializers.zeros, mask.shape[1:])
        x, kernel, bias = promote_dtype(x, kernel, bias)
        y = dot_general(x, kernel, (((x.ndim - 1,), (0,)), ((), ())))
        return y + bias.reshape(*[1] * (y.ndim - 1), -1)


class MADE(nn.Module):
    """Over vectors [B, D], by dense layers; a context [B, E] reaches every output.

    Attributes:
        hidden: widths of one or more hidden layers.
    """

    hidden: tuple[int, ...]

    @nn.compact
    def __call__(self, z: Array, context: Array | None = None) -> tuple[Array, Array]:
        """Shifts and log-scales, both [B, D]."""
        size = z.shape[-1]
        seen, x = np.arange(1, size + 1), z  # coordinate i is seen by units of degree > i
        for number, width in enumerate(self.hidden):
            sees = degrees(width, size)
            x = MaskedDense(name=f"hidden_{number}")(x, _mask(seen, sees))
            if number == 0 and context is not None:
                x += _of_context(context, width)
            x, seen = jax.nn.elu(x), sees
        return _shift_and_log_scale(x, _mask(seen, np.arange(size)))


class GridMADE(nn.Module):
    """Over grids [B, H, W, C], by masked convolutions; a context [B, H, W, E] is one per place.

    What lies above and to the right is seen as far as masked convolutions see it: a layer goes up
    a row with every column to the right.

    Attributes:
        hidden: widths of one or more hidden layers, multiples of C.

    Raises:
        ValueError: some width is no multiple of C.
    """

    hidden: tuple[int, ...]

    @nn.compact
    def __call__(self, z: Array, context: Array | None = None) -> tuple[Array, Array]:
        """Shifts and log-scales, both [B, H, W, C]."""
        channels, x = z.shape[-1], z
        if any(width % channels for width in self.hidden):
            raise ValueError(
                f"hidden: expected multiples of the {channels} channels of the codes, "
                f"got {self.hidden}"
            )
        for number, width in enumerate(self.hidden):
            layer = MaskedConv(
                width,
                KERNEL_SIZE,
                zero_diagonal=number == 0,
                blocks=channels,
                use_bias=True,
                name=f"hidden_{number}",
            )
            x = layer(x)
            if number == 0 and context is not None:
                x += _of_context(context, width)
            x = jax.nn.elu(x)
        shape = (1, 1, x.shape[-1], channels)
        mask = causal_mask(
            shape, depthwise=False, zero_diagonal=False, mirror=False, blocks=channels
        )
        return _shift_and_log_scale(x, mask[0, 0])


def _mask(seen: np.ndarray, sees: np.ndarray) -> np.ndarray:
    """Ones where a unit may look at another, [I, O], by their degrees."""
    return (seen[:, None] <= sees[None]).astype(np.float32)


def _of_context(context: Array, width: int) -> Array:
    return Dense(width, use_bias=False, kernel_init=glorot_uniform, name="context")(context)


def _shift_and_log_scale(x: Array, mask: np.ndarray) -> tuple[Array, Array]:
    """[..., I] -> two arrays [..., O], zero at first."""
    layer = MaskedDense(nn.initializers.zeros, name="last")
    shift, log_scale = jnp.split(layer(x, np.tile(mask, (1, 2))), 2, axis=-1)
    return shift, log_scale
