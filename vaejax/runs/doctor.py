"""What JAX sees of this machine, and why that may be less than what is there.

    python -m vaejax.main --mode=doctor

An accelerator is lost in silence: JAX runs on the CPU where its plugin is missing, of another
version than jaxlib, or too new for the driver. A diagnosis asks nothing of the machine; what it is
given of it comes from `vaejax.runs.machine`.
"""

from typing import NamedTuple

from vaejax.runs.machine import GIB, Facts

DRIVERS = {"cuda13": 580, "cuda12": 525}  # the oldest major version that runs each, newest first
SMALL_MEMORY = 4 * 2**30  # bytes below which deep models do not fit


class Finding(NamedTuple):
    """What is wrong, and what to do."""

    problem: str
    advice: str

    def __str__(self) -> str:
        return f"{self.problem}; to mend it: {self.advice}"


def consult(facts: Facts) -> int:
    """Print what is there and what is wrong with it; the exit code is 1 where something is."""
    found = diagnose(facts)
    print(summary(facts))
    print(", ".join(f"{name} {' and '.join(v)}" for name, v in facts.installed.items()))
    for problem, advice in found:
        print(f"\n{problem}\n  {advice}")
    if not found:
        print("nothing is wrong")
    return 1 if found else 0


def headline(facts: Facts) -> str:
    """What a run says first: what JAX sees, and the gravest of what is wrong with it, if any."""
    found = diagnose(facts)
    if not found:
        return summary(facts)
    more = f" (and {len(found) - 1} more: --mode=doctor)" if len(found) > 1 else ""
    return f"{summary(facts)}\nwarning: {found[0]}{more}"


def summary(facts: Facts) -> str:
    """A line: versions, devices, cores, memory."""
    kinds = sorted(set(facts.devices))
    devices = ", ".join(f"{facts.devices.count(kind)} x {kind}" for kind in kinds)
    seen = f"on {facts.backend} ({devices})" if facts.backend else "does not start"
    parts = [f"jax {facts.loaded['jax']} {seen}", f"{facts.cores} cores"]
    if facts.memory:
        parts.append(f"{facts.memory / GIB:.1f} GiB")
    return ", ".join(parts)


def diagnose(facts: Facts) -> list[Finding]:
    """What is wrong with what JAX sees, the gravest first."""
    found = _mixed(facts)
    if facts.backend in ("cpu", "") and facts.has_gpu:
        found.append(_lost_gpu(facts))
    if facts.backend in ("cpu", "") and facts.has_tpu:
        found.append(_lost_tpu(facts))
    if facts.failure and not found:
        found.append(
            Finding(
                f"JAX does not start: {facts.failure}",
                f"unset JAX_PLATFORMS, which is {facts.environment.get('JAX_PLATFORMS')!r}, or "
                "name there what this machine has",
            )
        )
    if facts.backend == "gpu" and "tensorflow" in facts.installed:
        found.append(
            Finding(
                "TensorFlow shares the GPU with JAX, and each takes most of its memory when it "
                "starts",
                "pip uninstall tensorflow (vaejax reads data without it; to prepare data sets, "
                "tensorflow-cpu does), or tf.config.set_visible_devices([], 'GPU')",
            )
        )
    if facts.cache_error:
        found.append(
            Finding(
                f"compiled programs cannot be kept in {facts.cache} ({facts.cache_error}): every "
                "start compiles again",
                "set JAX_COMPILATION_CACHE_DIR to a folder that can be written to",
            )
        )
    if facts.limited and facts.memory and facts.memory < SMALL_MEMORY:
        found.append(
            Finding(
                f"this container may use {facts.memory / GIB:.1f} GiB of the machine's memory",
                "give it more, or take smaller batches and config.train.num_microbatches",
            )
        )
    if facts.backend == "cpu" and facts.vectors is not None and facts.vectors < 256:
        found.append(
            Finding(
                f"the CPU has vectors of {facts.vectors} bits: steps take several times as long as "
                "those in the documentation",
                "use a machine with AVX2 or AVX-512",
            )
        )
    return found


def _mixed(facts: Facts) -> list[Finding]:
    """Versions of which only one may be there."""
    found = []
    for name in ("jax", "jaxlib"):
        versions = facts.installed.get(name, ())
        if len(versions) > 1:
            found.append(
                Finding(
                    f"{name} is there more than once, as {' and '.join(versions)}",
                    f"pip uninstall -y {name} until there is none, then pip install {name}",
                )
            )
        elif versions and versions[0] != facts.loaded[name]:
            found.append(
                Finding(
                    f"{name} {versions[0]} is installed, but this process runs {name} "
                    f"{facts.loaded[name]}",
                    "restart Python (in a notebook: restart the runtime)",
                )
            )
    if not found and _series(facts.loaded["jax"]) != _series(facts.loaded["jaxlib"]):
        found.append(
            Finding(
                f"jax {facts.loaded['jax']} runs on jaxlib {facts.loaded['jaxlib']}",
                f"pip install jax=={facts.loaded['jax']} jaxlib=={facts.loaded['jax']}",
            )
        )
    return found


def _lost_gpu(facts: Facts) -> Finding:
    """Why JAX does not see a GPU that is there."""
    problem = "there is an NVIDIA GPU, but JAX does not run on it: "
    if hidden := _hidden(facts, ("cuda", "gpu"), "CUDA_VISIBLE_DEVICES"):
        return Finding(problem + hidden[0], hidden[1])
    jaxlib = facts.loaded["jaxlib"]
    suitable = _extra_for(facts.driver)
    for extra, oldest in DRIVERS.items():
        plugin = facts.installed.get(f"jax-{extra}-plugin", ())
        if not plugin:
            continue
        if plugin[0] != jaxlib:
            return Finding(
                f"{problem}its plugin jax-{extra}-plugin {plugin[0]} is not of jaxlib {jaxlib}",
                f"pip install 'jax[{suitable or extra}]=={jaxlib}', then restart Python",
            )
        if facts.driver and _major(facts.driver) < oldest:
            return Finding(
                f"{problem}driver {facts.driver} is too old for CUDA {extra[4:]}, which needs "
                f"{oldest}",
                f"pip uninstall -y jax-{extra}-plugin jax-{extra}-pjrt; "
                f"pip install 'vaejax[{suitable}]'"
                if suitable
                else f"update the driver to {oldest} or later",
            )
        return Finding(
            f"{problem}the plugin jax-{extra}-plugin {plugin[0]} does not start",
            "nvidia-smi must list the GPU; JAX's own warnings, with JAX_PLATFORMS=cuda, say more",
        )
    if suitable is None:
        return Finding(
            f"{problem}driver {facts.driver} is too old for any CUDA that JAX has",
            f"update the driver to {min(DRIVERS.values())} or later",
        )
    return Finding(
        f"{problem}its plugin is not installed",
        f"pip install 'vaejax[{suitable}]' (or, beside other packages, "
        f"'jax[{suitable}]=={jaxlib}'), then restart Python",
    )


def _lost_tpu(facts: Facts) -> Finding:
    """Why JAX does not see a TPU that is there."""
    problem = "there is a TPU, but JAX does not run on it: "
    if hidden := _hidden(facts, ("tpu",), "TPU_VISIBLE_DEVICES"):
        return Finding(problem + hidden[0], hidden[1])
    jaxlib = facts.loaded["jaxlib"]
    if "libtpu" not in facts.installed:
        return Finding(
            f"{problem}libtpu is not installed",
            f"pip install 'vaejax[tpu]' (or 'jax[tpu]=={jaxlib}'), then restart Python",
        )
    return Finding(
        f"{problem}libtpu {facts.installed['libtpu'][0]} does not start with jaxlib {jaxlib}",
        f"end other processes that hold it; else pip install 'jax[tpu]=={jaxlib}', then restart "
        "Python",
    )


def _hidden(facts: Facts, wanted: tuple[str, ...], visible: str) -> tuple[str, str] | None:
    """The environment variable that hides a device from JAX, and what to do about it."""
    platforms = facts.environment.get("JAX_PLATFORMS", "")
    if platforms and not set(wanted) & set(platforms.split(",")):
        return f"JAX_PLATFORMS is {platforms!r}", "unset JAX_PLATFORMS"
    if facts.environment.get(visible) in ("", "-1"):
        return f"{visible} is {facts.environment[visible]!r}", f"unset {visible}"
    return None


def _extra_for(driver: str | None) -> str | None:
    """The newest extra that a driver runs, the most cautious one where it is not known."""
    if driver is None:
        return "cuda12"
    return next((extra for extra, least in DRIVERS.items() if _major(driver) >= least), None)


def _major(version: str) -> int:
    return int(version.split(".")[0])


def _series(version: str) -> list[str]:
    """The first two numbers of a version: JAX lets the third differ."""
    return version.split(".")[:2]
