"""How the C library keeps memory, which on CPU is up to a third of the cost of a training step.

XLA:CPU allocates its temporary buffers anew in every call. glibc hands large freed blocks back to
the kernel, which then has to map and zero every page again.
"""

import ctypes
import sys

# Parameters of mallopt(3), from glibc's malloc.h.
_M_TRIM_THRESHOLD = -1
_M_MMAP_MAX = -4
_M_ARENA_MAX = -8


def keep_freed_memory() -> bool:
    """Let this process keep the memory it frees, for reuse by its next allocations.

    The process then holds its peak for as long as it lives. Call it early: it does not move what
    is already allocated. It is a setting of the whole process, so it is for a program to make
    and not for a library: `vaejax.main` makes it, `import vaejax` does not.

    Returns:
        Whether it took effect; only glibc (Linux) knows the setting.
    """
    if sys.platform != "linux":
        return False
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "gnu_get_libc_version"):  # another C library, such as musl
        return False
    settings = {
        _M_MMAP_MAX: 0,  # no allocation by mmap, which would be unmapped when freed
        _M_TRIM_THRESHOLD: -1,  # never give back the top of the heap (-1 is the largest size_t)
        _M_ARENA_MAX: 1,  # one heap for all threads: theirs are bounded, and unmapped when empty
    }
    return all(libc.mallopt(name, value) for name, value in settings.items())
