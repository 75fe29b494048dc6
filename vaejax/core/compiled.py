"""What XLA compiles, kept for the next start of a command."""

import os
from pathlib import Path


def keep_compiled_programs() -> None:
    """Keep what XLA compiled for the next start, unless $JAX_COMPILATION_CACHE_DIR says where."""
    import jax  # which what has no need of it can do without

    if not os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        folder = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
        jax.config.update("jax_compilation_cache_dir", str(folder / "vaejax" / "compiled"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
