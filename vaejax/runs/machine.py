"""What this machine is, and what JAX sees of it."""

import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax

GIB = 2**30
NAMES = (
    "vaejax",
    "jax",
    "jaxlib",
    "flax",
    "optax",
    "orbax-checkpoint",
    "numpy",
    "jax-cuda12-plugin",
    "jax-cuda12-pjrt",
    "jax-cuda13-plugin",
    "jax-cuda13-pjrt",
    "libtpu",
    "tensorflow",
    "tensorflow-cpu",
)


class Facts(NamedTuple):
    """What a diagnosis looks at.

    Attributes:
        backend: where JAX runs, "cpu", "gpu" or "tpu"; empty where it does not start.
        devices: the kind of every device that it sees.
        loaded: versions of the modules `jax` and `jaxlib` of this process.
        installed: every version of a distribution that is found, by name.
        failure: why JAX does not start; empty where it does.
        process: number of this process among those of one run.
        has_gpu: whether there is an NVIDIA device.
        driver: version of its driver, "580.65.06".
        has_tpu: whether there is a TPU.
        environment: of the process, as far as it decides what JAX sees.
        cores: that this process may use.
        memory: bytes that this process may use.
        limited: whether a container allows it less memory than the machine has.
        vectors: widest vector instructions of the CPU in bits; None where that is not known.
        cache: folder of compiled programs; None where none is kept.
        cache_error: why it cannot be written to; empty where it can.
    """

    backend: str
    devices: tuple[str, ...]
    loaded: Mapping[str, str]
    installed: Mapping[str, tuple[str, ...]]
    failure: str = ""
    process: int = 0
    has_gpu: bool = False
    driver: str | None = None
    has_tpu: bool = False
    environment: Mapping[str, str] = {}
    cores: int = 1
    memory: int | None = None
    limited: bool = False
    vectors: int | None = None
    cache: str | None = None
    cache_error: str = ""


def facts() -> Facts:
    """What this machine and this process are; milliseconds, once JAX has started."""
    import jaxlib

    memory, limited = _memory()
    cache = jax.config.jax_compilation_cache_dir  # type: ignore[attr-defined]  # made at run time
    try:
        seen: dict[str, Any] = {
            "backend": jax.default_backend(),
            "devices": tuple(device.device_kind for device in jax.devices()),
            "process": jax.process_index(),
        }
    except (RuntimeError, AssertionError) as error:  # a platform is asked for that is not there
        reason = " ".join(str(error).split()) or "no platform that it may use is there"
        seen = {"backend": "", "devices": (), "failure": reason}
    return Facts(
        **seen,
        loaded={"jax": jax.__version__, "jaxlib": jaxlib.version.__version__},
        installed=installed(),
        has_gpu=Path("/dev/nvidia0").exists() or Path("/dev/dxg").exists(),
        driver=_driver(),
        has_tpu=any(Path("/dev").glob("accel[0-9]*")) or Path("/dev/vfio/0").exists(),
        environment=dict(os.environ),
        cores=_cores(),
        memory=memory,
        limited=limited,
        vectors=_vectors(),
        cache=cache,
        cache_error=error_of_writing(cache),
    )


def _cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def installed(**where: Any) -> dict[str, tuple[str, ...]]:
    """Every version of `NAMES` that Python finds, or that is found in the folders `path`."""
    found: dict[str, tuple[str, ...]] = {}
    for name in NAMES:
        there = importlib.metadata.distributions(name=name, **where)
        if versions := tuple(dict.fromkeys(distribution.version for distribution in there)):
            found[name] = versions
    return found


def _driver() -> str | None:
    """The version of the NVIDIA driver; None where there is none that can be asked."""
    file = Path("/proc/driver/nvidia/version")
    if file.is_file() and (match := re.search(r"\s(\d+\.[\d.]+)\s", file.read_text())):
        return match[1]
    command = shutil.which("nvidia-smi")
    if command is None:
        return None
    query = [command, "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.match(r"\d+\.[\d.]+", answer.stdout)
    return match[0] if match else None


def _memory() -> tuple[int | None, bool]:
    """Bytes that this process may use, and whether a container's limit is what bounds them."""
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # Windows
        return None, False
    limits = []
    for file in ("memory.max", "memory/memory.limit_in_bytes"):  # of cgroups v2 and v1
        try:
            limits.append(int((Path("/sys/fs/cgroup") / file).read_text()))
        except (OSError, ValueError):  # not there, or "max"
            continue
    limit = min(limits, default=total)
    return min(limit, total), limit < total


def _vectors() -> int | None:
    """The widest vector instructions of the CPU, in bits, as Linux on x86 lists them."""
    try:
        flags = Path("/proc/cpuinfo").read_text().partition("flags")[2].partition("\n")[0].split()
    except OSError:
        return None
    if platform.machine() != "x86_64" or not flags:
        return None
    return 512 if "avx512f" in flags else 256 if "avx2" in flags else 128


def error_of_writing(folder: str | None) -> str:
    """Why nothing can be written into a folder, which is made if missing; empty where it can."""
    if not folder:
        return ""
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return error.strerror or str(error)
    return "" if os.access(folder, os.W_OK | os.X_OK) else "it is not writable"
