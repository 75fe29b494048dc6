"""Masked convolutions and the volume-preserving autoregressive flow of NVAE's posteriors.

References:
    van den Oord et al., Pixel recurrent neural networks, 2016 (masks).
    Kingma et al., Improving variational inference with inverse autoregressive flow, 2016.
    Vahdat & Kautz, NVAE, 2020: z <- z - mu(z), a shift alone, so that log |det| = 0.
"""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import flax.linen as nn
import jax
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from vaejax.nn.conv import conv
from vaejax.nn.initializers import bias_init, kernel_init
from vaejax.nn.weight_norm import initial_log_norm, weight_normalised
from vaejax.types import Array

WIDTH_FACTOR = 6  # hidden channels of a flow's network per latent channel


class FlowLayer(NamedTuple):
    """What tells the masked convolutions of a flow apart; the attributes of `MaskedConv`."""

    kernel_size: int
    kind: Literal["dense", "depthwise"]
    zero_diagonal: bool

    def mask(self, shape: tuple[int, int, int, int], *, mirror: bool) -> np.ndarray:
        """The `causal_mask` of its kernel."""
        return causal_mask(
            shape,
            depthwise=self.kind == "depthwise",
            zero_diagonal=self.zero_diagonal,
            mirror=mirror,
        )


FLOW_LAYERS = {
    "dense": FlowLayer(3, "dense", zero_diagonal=True),
    "depthwise": FlowLayer(5, "depthwise", zero_diagonal=False),
    "mean": FlowLayer(1, "dense", zero_diagonal=False),
}
MIRRORED = {"forward": False, "backward": True}  # by the names of the two flows of a pair


def causal_mask(
    shape: tuple[int, int, int, int],
    *,
    depthwise: bool,
    zero_diagonal: bool,
    mirror: bool,
    blocks: int | None = None,
) -> np.ndarray:
    """Ones where a kernel `shape` [k, k, I, O] may look: at pixels before the one it computes.

    At the pixel itself, input channels are seen by output channels of the same or a later block.

    Args:
        shape: of the kernel; I is 1 for a depthwise one.
        depthwise: every channel sees itself alone.
        zero_diagonal: at the pixel itself, exclude the channel's own block.
        mirror: the reverse order of pixels; channels keep theirs.
        blocks: how many there are, of which I and O are multiples; the smaller of the two, if None.
    """
    size, _, inputs, outputs = shape
    centre = size // 2
    mask = np.zeros(shape, np.float32)
    mask[:centre] = 1.0
    mask[centre, :centre] = 1.0
    if depthwise:
        mask[centre, centre] = not zero_diagonal
    else:
        blocks = min(inputs, outputs) if blocks is None else blocks
        sources, targets = (np.arange(n) // (n // blocks) for n in (inputs, outputs))
        seen = np.less if zero_diagonal else np.less_equal
        mask[centre, centre] = seen(sources[:, None], targets[None, :])
    return mask[::-1, ::-1] if mirror else mask


class MaskedConv(nn.Module):
    """A weight-normalised convolution with a causal mask; parameters as in `WeightNormConv`.

    Kernel entries outside the mask start at zero. The pass gives them no gradient, and a penalty on
    kernels gives them none if it looks at those of `masked`.
    """

    features: int
    kernel_size: int
    kind: Literal["dense", "depthwise"] = "dense"
    zero_diagonal: bool = False
    mirror: bool = False
    use_bias: bool = False
    initial_log_gain: float = 0.0
    blocks: int | None = None

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """[B, H, W, I] -> [B, H, W, O]."""
        depthwise = self.kind == "depthwise"
        inputs = 1 if depthwise else x.shape[-1]
        shape = (self.kernel_size, self.kernel_size, inputs, self.features)
        mask = causal_mask(
            shape,
            depthwise=depthwise,
            zero_diagonal=self.zero_diagonal,
            mirror=self.mirror,
            blocks=self.blocks,
        )
        kernel = self.param("kernel", lambda rng: kernel_init(rng, shape) * mask) * mask
        log_norm = self.param(
            "log_norm", lambda _: initial_log_norm(kernel) + self.initial_log_gain
        )
        kernel = weight_normalised(kernel, log_norm).astype(x.dtype)
        y = conv(x, kernel, groups=x.shape[-1] if depthwise else 1)
        if not self.use_bias:
            return y
        bias = self.param("bias", bias_init(x.shape[-1]), (self.features,))
        return y + bias.astype(x.dtype).reshape(1, 1, 1, -1)


class ShiftFlow(nn.Module):
    """z - mu(z), where mu at a pixel and channel depends on what comes before them alone."""

    mirror: bool = False

    @nn.compact
    def __call__(self, z: Array) -> Array:
        """[B, H, W, C] -> [B, H, W, C]."""
        channels, hidden = z.shape[-1], WIDTH_FACTOR * z.shape[-1]

        def layer(name: str, features: int, **settings: Any) -> MaskedConv:
            kind = FLOW_LAYERS[name]
            return MaskedConv(features, *kind, mirror=self.mirror, name=name, **settings)

        h = layer("dense", hidden)(z)
        h = layer("depthwise", hidden)(jax.nn.elu(h))
        h = jax.nn.elu(jax.nn.elu(h))  # twice, as in the published models
        return z - layer("mean", channels, use_bias=True, initial_log_gain=float(np.log(0.1)))(h)


class ShiftFlowPair(nn.Module):
    """Two flows that go through the pixels in opposite orders."""

    @nn.compact
    def __call__(self, z: Array) -> Array:
        """[B, H, W, C] -> [B, H, W, C]."""
        for name, mirror in MIRRORED.items():
            z = ShiftFlow(mirror, name=name)(z)
        return z


def masked(params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters with the kernels of all flow pairs [..., k, k, I, O] as they are used.

    What is outside a mask is zero there, in value and in gradient.
    """
    leaves = flatten_dict(params)
    for path, leaf in leaves.items():
        flow, layer, name = ("", "", "", *path)[-3:]
        if name == "kernel" and flow in MIRRORED and layer in FLOW_LAYERS:
            mask = FLOW_LAYERS[layer].mask(leaf.shape[-4:], mirror=MIRRORED[flow])
            leaves[path] = leaf * np.broadcast_to(mask, leaf.shape)
    return unflatten_dict(leaves)
