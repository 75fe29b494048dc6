"""Double precision for exact comparisons."""

from contextlib import AbstractContextManager

import jax


def enable_x64(enabled: bool = True) -> AbstractContextManager[None]:
    """Within this context floats are float64 (or float32 again), with every version of jax."""
    if hasattr(jax, "enable_x64"):
        return jax.enable_x64(enabled)
    from jax.experimental import enable_x64 as experimental  # before jax 0.8

    return experimental(enabled)
