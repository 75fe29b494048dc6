"""NVAE's cell architectures by the names of the official code, and its number of groups per scale.

Reference: Vahdat & Kautz, NVAE, 2020; `res_mbconv` is the published model, the others the
alternatives that the official code can build.
"""

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

import flax.linen as nn

from vaejax.nn.cell_operations import InvertedBottleneck, PreActivationConv
from vaejax.nn.residual_cell import Operation


class Cells(NamedTuple):
    """The operations of a network's residual cells, by where the cells stand.

    Attributes:
        preprocess: before the bottom-up path.
        encoder: on the bottom-up path.
        decoder: on the top-down path.
        postprocess: after the top-down path.
    """

    preprocess: tuple[Operation, ...]
    encoder: tuple[Operation, ...]
    decoder: tuple[Operation, ...]
    postprocess: tuple[Operation, ...]


def adaptive_groups(num_scales: int, num_groups: int, *, minimum: int = 1) -> tuple[int, ...]:
    """Latent groups per scale, top first: `num_groups` at the finest, half as many at each coarser.

    Args:
        num_scales: the number of scales.
        num_groups: groups of the finest scale.
        minimum: groups that every other scale has at least.
    """
    groups = [num_groups]
    for _ in range(num_scales - 1):
        groups.append(max(minimum, groups[-1] // 2))
    return tuple(groups[::-1])


def _bottlenecks(kernel_size: int = 5, groups: int | None = None) -> Cells:
    inner = (partial(InvertedBottleneck, kernel_size=kernel_size, groups=groups),)
    outer = (partial(InvertedBottleneck, expansion=3, groups=groups),)
    return Cells(outer, inner, inner, outer)


def _upwards(*operations: Operation) -> Cells:
    """These operations on the way up, bottlenecks on the way down."""
    return _bottlenecks()._replace(preprocess=operations, encoder=operations)


def _everywhere(*operations: Operation) -> Cells:
    return Cells(operations, operations, operations, operations)


_swish = PreActivationConv
_dilated = partial(PreActivationConv, dilation=2)
_norm_elu = partial(PreActivationConv, activation=nn.elu)
_elu = partial(PreActivationConv, activation=nn.elu, normalise=False)

CELLS: Mapping[str, Cells] = {
    "mbconv_den": _bottlenecks(groups=8),
    "mbconv_res": _bottlenecks()._replace(decoder=(_swish,) * 2, postprocess=(_swish,) * 2),
    "mbconv_sep": _bottlenecks(),
    "mbconv_sep11": _bottlenecks(kernel_size=11),
    "res35_mbconv": _upwards(_swish, _dilated),
    "res53_mbconv": _upwards(_dilated, _swish),
    "res55_mbconv": _upwards(_dilated, _dilated),
    "res_bnelu": _everywhere(_norm_elu, _norm_elu),
    "res_bnswish": _everywhere(_swish, _swish),
    "res_elu": _everywhere(_elu, _elu),
    "res_mbconv": _upwards(_swish, _swish),
}
