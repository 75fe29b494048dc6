"""Which platform this is: whether XLA's own form of an operation is used, or one for the CPU.

No other place asks. What there is for the CPU, and why: `docs/cpu.md`.
"""

from contextlib import AbstractContextManager

import jax

# Part of the key of `jax.jit`'s cache: what was traced before is traced again in the context.
_FORCE_NATIVE = jax.make_user_context(default_value=False)


def native_operations() -> AbstractContextManager[None]:
    """Within this context, operations are XLA's own on CPU too.

    For forward-mode differentiation (`jax.jvp`, `jax.jacfwd`, `jax.linearize`), which the CPU
    reformulations do not support, and for comparisons. Any number of reverse-mode derivatives
    needs no switch.
    """
    return _FORCE_NATIVE(True)


def is_native() -> bool:
    """Whether to use XLA's own form here: on GPU and TPU, or when told."""
    return _FORCE_NATIVE.value or not on_cpu()


def on_cpu() -> bool:
    """Whether computations run on the CPU."""
    return jax.default_backend() == "cpu"
