"""Gated PixelCNN and PixelCNN++ in PyTorch, on the parameters of ours: the same networks.

Images and kernels are NCHW and OIHW by name; whether they are laid out so is the caller's choice.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

Parameters = Mapping[str, Any]


def to_torch(tree: Any, layout: torch.memory_format) -> Any:
    """Our parameters as leaves of PyTorch's, blocks that are stacked in ours as a list of them."""
    if "down" in tree or "layer" in tree:  # holds stacks
        stacks = {"down", "up", "layer"} & set(tree)
        rest = to_torch({k: v for k, v in tree.items() if k not in stacks}, layout)
        return rest | {k: _unstacked(tree[k], layout) for k in stacks}
    if isinstance(tree, Mapping):
        return {k: to_torch(v, layout) for k, v in tree.items()}
    leaf = torch.from_numpy(np.array(tree))
    if leaf.ndim == 4:
        leaf = leaf.permute(3, 2, 0, 1).contiguous(memory_format=layout)
    return leaf.requires_grad_()


def _unstacked(tree: Any, layout: torch.memory_format) -> list[Any]:
    def first(tree: Any) -> Any:
        return first(next(iter(tree.values()))) if isinstance(tree, Mapping) else tree

    def take(tree: Any, i: int) -> Any:
        return {k: take(v, i) for k, v in tree.items()} if isinstance(tree, Mapping) else tree[i]

    return [to_torch(take(tree, i), layout) for i in range(len(first(tree)))]


def leaves(tree: Any) -> list[Tensor]:
    """All tensors of a tree of dicts and lists."""
    if isinstance(tree, Tensor):
        return [tree]
    children = tree.values() if isinstance(tree, Mapping) else tree
    return [leaf for child in children for leaf in leaves(child)]


def conv(
    p: Parameters, x: Tensor, stream: str = "pixels", strict: bool = False, stride: int = 1
) -> Tensor:
    """`vaejax.nn.causal.CausalConv`."""
    kernel = _kernel(p)
    h, w = kernel.shape[2:]
    above, below = (h, -1) if strict and stream == "rows" else (h - 1, 0)
    left, right = (w, -1) if strict else (w - 1, 0)
    if stream == "rows":
        left = right = w // 2
    if (above, below, left, right) != (0, 0, 0, 0):
        x = F.pad(x, (left, right, above, below))
    return F.conv2d(x, kernel, p["bias"], stride)


def _kernel(p: Parameters) -> Tensor:
    kernel = p["kernel"]
    if "log_norm" not in p:
        return kernel
    norm = kernel.square().sum((1, 2, 3), keepdim=True).sqrt() + 1e-5
    return kernel * (p["log_norm"].exp().view(-1, 1, 1, 1) / norm)


def gated_pixelcnn(p: Parameters, x: Tensor) -> Tensor:
    """`vaejax.nn.gated_pixelcnn.GatedPixelCNN` of one colour, given nothing."""
    rows, pixels = _gated_layer(p["first"], x, x, first=True)
    for layer in p["layer"]:
        rows, pixels = _gated_layer(layer, rows, pixels)
    return conv(p["last"], F.relu(conv(p["head"], F.relu(pixels))))


def _gated_layer(
    p: Parameters, rows: Tensor, pixels: Tensor, first: bool = False
) -> tuple[Tensor, Tensor]:
    rows = conv(p["rows_conv"], rows, "rows", strict=first)
    h = conv(p["pixels_conv"], pixels, strict=first) + conv(p["to_pixels"], rows)
    h = conv(p["pixels_out"], _gated(h))
    return _gated(rows), h if first else pixels + h


def _gated(x: Tensor) -> Tensor:
    a, b = x.chunk(2, 1)
    return torch.tanh(a) * torch.sigmoid(b)


def pixelcnn_pp(p: Parameters, x: Tensor, dropout: float) -> Tensor:
    """`vaejax.nn.pixelcnn_pp.PixelCNNpp`, given nothing; `dropout` 0 in evaluations."""
    x = torch.cat([x, torch.ones_like(x[:, :1])], 1)
    rows = conv(p["first_rows"], x, "rows", strict=True)
    pixels = conv(p["first_pixels_above"], x, "rows", strict=True)
    pixels = pixels + conv(p["first_pixels_left"], x, strict=True)
    _, pixels = _level(p["level"], rows, pixels, dropout)
    return conv(p["last"], F.elu(pixels))


def _level(p: Parameters, rows: Tensor, pixels: Tensor, dropout: float) -> tuple[Tensor, Tensor]:
    skips = [(rows, pixels)]
    for layer in p["down"]:
        rows = _resnet(layer["rows_layer"], rows, "rows", dropout)
        pixels = _resnet(layer["pixels_layer"], pixels, "pixels", dropout, rows)
        skips.append((rows, pixels))
    if "inner" in p:
        rows = conv(p["shrink_rows"], rows, "rows", stride=2)
        pixels = conv(p["shrink_pixels"], pixels, stride=2)
        rows, pixels = _level(p["inner"], rows, pixels, dropout)
        rows = _enlarged(p["enlarge_rows"], rows)
        pixels = _enlarged(p["enlarge_pixels"], pixels)
    else:
        skips.pop()
    for layer in p["up"]:
        rows_skip, pixels_skip = skips.pop()
        rows = _resnet(layer["rows_layer"], rows, "rows", dropout, rows_skip)
        shown = torch.cat([rows, pixels_skip], 1)
        pixels = _resnet(layer["pixels_layer"], pixels, "pixels", dropout, shown)
    return rows, pixels


def _resnet(
    p: Parameters, x: Tensor, stream: str, dropout: float, auxiliary: Tensor | None = None
) -> Tensor:
    h = conv(p["conv"], _concat_elu(x), stream)
    if auxiliary is not None:
        h = h + conv(p["auxiliary"], _concat_elu(auxiliary))
    h = F.dropout(_concat_elu(h), dropout)
    a, b = conv(p["gates_conv"], h, stream).chunk(2, 1)
    return x + a * torch.sigmoid(b)


def _concat_elu(x: Tensor) -> Tensor:
    return F.elu(torch.cat([x, -x], 1))


def _enlarged(p: Parameters, x: Tensor) -> Tensor:
    kernel = _kernel(p).transpose(0, 1)
    left = kernel.shape[3] - 2  # the stream of rows begins one column before
    y = F.conv_transpose2d(x, kernel, p["bias"], 2)
    return y[:, :, :, left : left + 2 * x.shape[3]]
