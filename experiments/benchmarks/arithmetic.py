"""How many operations a program needs, counted from its jaxpr.

XLA's own count takes the body of a loop once, and is wrong for the gradients of depthwise
convolutions.
"""

import math
from typing import Any

import jax
from jax.extend.core import ClosedJaxpr, Jaxpr


def count_flops(jaxpr: Jaxpr) -> int:
    """Multiplications and additions in all convolutions and matrix products, loops run out.

    Positions in the padding count as others do, zeros between dilated inputs do not.
    """
    total = 0
    for equation in jaxpr.eqns:
        name, params = equation.primitive.name, equation.params
        assert name != "while", "the number of rounds is not in the program"
        outputs = math.prod(equation.outvars[0].aval.shape) if equation.outvars else 0
        if name == "dot_general":
            (contracted, _), _ = params["dimension_numbers"]
            total += 2 * outputs * _size(equation.invars[0].aval.shape, contracted)
        elif name == "conv_general_dilated":
            # The kernel's dimensions but its output channels; its inputs are those of one group.
            taps = _size(equation.invars[1].aval.shape, params["dimension_numbers"].rhs_spec[1:])
            total += 2 * outputs * taps // math.prod(params["lhs_dilation"])
        rounds = params["length"] if name == "scan" else 1
        total += rounds * sum(map(count_flops, _inner(params)))
    return total


def _size(shape: tuple[int, ...], axes: tuple[int, ...]) -> int:
    return math.prod(shape[axis] for axis in axes)


def _inner(params: dict[str, Any]) -> list[Jaxpr]:
    """The programs that an operation consists of."""
    leaves = jax.tree.leaves(params, is_leaf=lambda leaf: isinstance(leaf, Jaxpr | ClosedJaxpr))
    inner = [leaf for leaf in leaves if isinstance(leaf, Jaxpr | ClosedJaxpr)]
    return [leaf.jaxpr if isinstance(leaf, ClosedJaxpr) else leaf for leaf in inner]
