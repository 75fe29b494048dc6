"""What differs between versions of the libraries that vaejax stands on, and nothing else.

The oldest are those that Google Colab ships (jax 0.7.2), see `setup.cfg`.
"""

from typing import Any

import jax


def varying_axes(array: Any) -> frozenset[str]:
    """The mesh axes along which an array within `shard_map(check_vma=True)` is known to vary."""
    kind = jax.typeof(array)
    if hasattr(kind, "manual_axis_type"):  # since jax 0.9
        return kind.manual_axis_type.varying
    return kind.vma
