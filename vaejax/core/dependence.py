"""What a computation looks at, read from its trace."""

from collections.abc import Callable
from typing import Any

import jax


def looks_at(function: Callable[..., Any], *args: Any) -> bool:
    """Whether the values of `function(*args)` may depend on those of the arguments.

    False is certain. A part that is compiled by itself, or a loop, counts as looking at all that it
    is given. What the function reads from elsewhere does not count, nor do shapes.

    Args:
        function: of arrays, that JAX can trace; it is not computed.
        args: trees of arrays or of their shapes.
    """
    traced = jax.make_jaxpr(function)(*args).jaxpr
    reached = {id(variable) for variable in traced.invars}
    for equation in traced.eqns:
        if any(id(variable) in reached for variable in equation.invars):
            reached |= {id(variable) for variable in equation.outvars}
    return any(id(variable) in reached for variable in traced.outvars)
