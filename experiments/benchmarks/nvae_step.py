"""One training step of NVAE: time, compilation, memory and arithmetic, beside PyTorch's.

    pip install -e ".[benchmark]"
    python experiments/benchmarks/nvae_step.py --configs S,A,B,C --threads 1
    python experiments/benchmarks/nvae_step.py --scaling

A step is the balanced bound with both penalties, its gradients and Adamax, in float32; ours also
computes its metrics and the moving average. For each network of `NETWORKS` it prints
    the seconds of a step, of all cores and by the clock, medians of `--rounds` turns in which
        vaejax, torch NCHW (as the official code runs) and torch channels_last follow one another;
    the rate of useful operations (of our convolutions and matrix products; recomputation does not
        count) per CPU second, and its share of that of a large matrix product timed in between;
        PyTorch's, which computes up cells at full size, does a tenth more of them;
    the memory of a step: of ours what XLA plans for temporaries, of PyTorch's by how much the
        resident memory of a process of its own grows at most;
    CPU seconds of tracing and of compiling our step.
PyTorch's network is `nvae_torch.py`, with the same weights: both losses are compared before they
are timed. All run in one process on `--threads` cores with `keep_freed_memory` on. Without PyTorch
installed its rows are left out.

`--scaling` compares forms of one network: `scanned` + `remat` with `unrolled` + `store` (memory at
36 groups, required at most 1/5), and 36 groups with 12 (compilation, required less than 1.5).
"""

import argparse
import multiprocessing
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from arithmetic import count_flops
from interleaved import Step, elapsed, measure

from vaejax import create_train_state, jit_step, make_optimizer, make_train_step, objectives
from vaejax.core.mesh import with_positions
from vaejax.core.platform import native_operations
from vaejax.distributions import bernoulli
from vaejax.interop.nvae import to_official
from vaejax.models import NVAE
from vaejax.runs.host_memory import keep_freed_memory
from vaejax.training.state import TrainState, count_parameters
from vaejax.types import Objective

try:
    import torch
    from nvae_torch import TorchNVAE
except ImportError:
    torch = None

BETA, PENALTY = 0.5, 0.01
LEARNING_RATE, EPSILON, L2 = 1e-3, 1e-3, 3e-4
MATMUL_SIZE = 1536
RNG = jax.random.key(0)
LAYOUTS = {"torch NCHW": "contiguous_format", "torch channels_last": "channels_last"}


class Network(NamedTuple):
    """A network to measure, and its published size, which both sides must have."""

    batch_size: int
    num_parameters: int
    settings: Mapping[str, Any]

    def model(self, **form: str) -> NVAE:
        """In the official arithmetic, so that PyTorch's can be held to it."""
        return NVAE(nvae_compat=True, **self.settings, **form)


def _small(features: int, cells: int, **settings: Any) -> dict[str, Any]:
    widths = dict(encoder_features=features, decoder_features=features)
    return dict(widths, encoder_cells=cells, decoder_cells=cells, **settings)


NETWORKS = {
    "S": Network(
        16,
        1_170_924,
        _small(16, 1, image_shape=(64, 64, 3), groups=(1, 1, 2), latent_channels=8),
    ),
    "A": Network(
        16, 2_611_148, _small(16, 2, image_shape=(64, 64, 3), groups=(1, 2, 4), num_flows=1)
    ),
    "B": Network(32, 3_597_508, _small(32, 2, image_shape=(32, 32, 3), groups=(2, 4))),
    "C": Network(  # configs/nvae_mnist.py
        32,
        33_363_134,
        _small(
            32,
            2,
            image_shape=(32, 32, 1),
            likelihood=bernoulli(border=2),
            groups=(5, 10),
            num_blocks=2,
            preprocess_cells=3,
            postprocess_cells=3,
        ),
    ),
    "tiny": Network(
        2,
        27_752,
        _small(
            4,
            1,
            image_shape=(8, 8, 3),
            groups=(1, 1),
            latent_channels=2,
            preprocess_cells=1,
            postprocess_cells=1,
            num_flows=1,
        ),
    ),
}
SCALING = _small(32, 1, image_shape=(32, 32, 3))


class Ours(NamedTuple):
    """Our compiled step, the state to begin with, and what it is made of."""

    step: jax.stages.Compiled
    state: TrainState
    batch: dict[str, jax.Array]
    trace: float
    compilation: float

    @property
    def mebibytes(self) -> float:
        """Of temporaries, as XLA plans them."""
        return self.step.memory_analysis().temp_size_in_bytes / 2**20

    def repeated(self) -> Step:
        """Steps that go on from one another."""
        state = jax.tree.map(jnp.copy, self.state)  # a step takes its state's memory

        def step() -> float:
            nonlocal state
            state, metrics = self.step(state, self.batch, RNG)
            return float(metrics["loss"])

        return step


def compile_ours(model: NVAE, images: np.ndarray, *, shapes_only: bool = False) -> Ours:
    """Our training step, compiled; with `shapes_only` not to be run, for want of a state."""
    create, train_step = parts(model)
    batch = {"image": jnp.asarray(images)}
    state = jax.eval_shape(create, RNG, batch) if shapes_only else jax.jit(create)(RNG, batch)
    lowered: list[Any] = []
    trace = elapsed(lambda: lowered.append(jit_step(train_step).lower(state, batch, RNG)))
    compilation = elapsed(lambda: lowered.append(lowered[0].compile()))
    return Ours(lowered[1], state, batch, trace.cpu, compilation.cpu)


def training_objective(model: NVAE) -> Objective:
    """The balanced bound and both penalties."""
    return objectives.nvae(model, beta=BETA, penalty=PENALTY)


def parts(model: NVAE):
    """What creates the first state, and the training step."""
    objective = training_objective(model)
    optimizer = make_optimizer("adamax", learning_rate=LEARNING_RATE, eps=EPSILON, l2=L2)

    def create(rng, batch) -> TrainState:
        return create_train_state(objective, optimizer, rng, batch)

    return create, make_train_step(objective, optimizer)


def step_flops(network: Network) -> int:
    """Operations of one step of a network, without recomputation."""
    create, train_step = parts(network.model(memory="store"))
    shape = (network.batch_size, *network.settings["image_shape"])
    batch = {"image": jax.ShapeDtypeStruct(shape, jnp.float32)}
    with native_operations():
        state = jax.eval_shape(create, RNG, batch)
        assert count_parameters(state.params) == network.num_parameters
        return count_flops(jax.make_jaxpr(train_step)(state, batch, RNG).jaxpr)


def torch_images(images: np.ndarray, layout: str) -> "torch.Tensor":
    x = torch.from_numpy(images).permute(0, 3, 1, 2)
    return x.contiguous(memory_format=getattr(torch, layout))


def torch_step(network: Network, images: np.ndarray, layout: str, weights: Mapping) -> Step:
    """The same training step in PyTorch."""
    twin = torch_network(network, weights).to(memory_format=getattr(torch, layout))
    x = torch_images(images, layout)
    optimizer = torch.optim.Adamax(
        twin.parameters(), LEARNING_RATE, eps=EPSILON, weight_decay=L2, foreach=True
    )

    def step() -> float:
        optimizer.zero_grad()
        loss = twin.loss(x, beta=BETA, penalty=PENALTY)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def torch_network(network: Network, weights: Mapping[str, np.ndarray]) -> "TorchNVAE":
    twin = TorchNVAE(network.model())
    assert sum(p.numel() for p in twin.parameters()) == network.num_parameters
    twin.load(weights)
    return twin


def torch_mebibytes(name: str, layout: str, threads: int, weights: Mapping) -> float:
    """By how much steps of PyTorch let the resident memory of this process grow at most."""
    torch.set_num_threads(threads)
    network = NETWORKS[name]
    step = torch_step(network, example_images(network), layout, weights)
    status = Path("/proc/self/status")

    def kibibytes(key: str) -> int:
        line = next(line for line in status.read_text().splitlines() if line.startswith(key))
        return int(line.split()[1])

    before = kibibytes("VmRSS")
    for _ in range(2):  # the optimiser's state comes with the first
        step()
    return (kibibytes("VmHWM") - before) / 2**10


def check_same(network: Network, ours: Ours, weights: Mapping[str, np.ndarray]) -> None:
    """Assert that both networks have one training loss, given the same noise."""
    rng, noise = np.random.default_rng(1), []
    for shape in network.model().latent_shapes:
        noise.append(rng.standard_normal((network.batch_size, *shape), np.float32))

    # The power iterations start from constant vectors, which are those of any order of layers.
    def constant(vector: jax.Array) -> np.ndarray:
        return np.full(vector.shape, vector.shape[-1] ** -0.5, np.float32)

    params, state = ours.state.params, dict(ours.state.model_state)
    state["spectral"] = jax.tree.map(constant, state["spectral"])
    loss = jax.jit(training_objective(network.model()).loss, static_argnums=5)
    batch = with_positions({**ours.batch, "noise": {"latent": noise}})
    actual, _ = loss(params, state, batch, RNG, jnp.zeros(()), True)

    twin = torch_network(network, weights)
    for shape, pair in state["spectral"].items():
        twin.vectors[shape] = [torch.from_numpy(pair[name]) for name in "uv"]
    layout = LAYOUTS["torch NCHW"]
    with torch.no_grad():
        expected = twin.loss(
            torch_images(np.array(ours.batch["image"]), layout),
            beta=BETA,
            penalty=PENALTY,
            noise=[torch_images(draw, layout) for draw in noise],
        )
    np.testing.assert_allclose(actual, expected, rtol=1e-5)


def example_images(network: Network) -> np.ndarray:
    """Random images, of 0 and 1 where the likelihood is that of binary ones."""
    shape = (network.batch_size, *network.settings["image_shape"])
    levels = 255 if shape[-1] == 3 else 1
    return np.random.default_rng(0).integers(0, levels + 1, shape).astype(np.float32) / levels


def matrix_products() -> dict[str, Step]:
    """A large product in either framework, whose rate is taken for the machine's peak."""
    a = jax.random.normal(RNG, (MATMUL_SIZE, MATMUL_SIZE))
    product = jax.jit(lambda a: a @ a)
    steps: dict[str, Step] = {"jax matmul": lambda: product(a).block_until_ready()}
    if torch is not None:
        b = torch.from_numpy(np.array(a))
        steps["torch matmul"] = lambda: b @ b
    return steps


def benchmark(name: str, rounds: int, threads: int) -> None:
    """Measure one network and print its rows."""
    network = NETWORKS[name]
    flops = step_flops(network)
    ours = compile_ours(network.model(), example_images(network))
    steps, mebibytes = {"vaejax": ours.repeated()}, {"vaejax": ours.mebibytes}
    if torch is not None:
        state = ours.state
        variables = {
            "params": state.params["model"],
            "batch_stats": state.model_state["batch_stats"],
        }
        weights = to_official(network.model(), variables)
        check_same(network, ours, weights)
        for label, layout in LAYOUTS.items():
            steps[label] = torch_step(network, example_images(network), layout, weights)
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                task = (name, layout, threads, weights)
                mebibytes[label] = pool.apply(torch_mebibytes, task)
    products = matrix_products()
    times = measure({**steps, **products}, rounds)
    peak = 2 * MATMUL_SIZE**3 / min(times[product].cpu for product in products)
    print(
        f"\n{name}: {network.num_parameters:,} parameters, batch {network.batch_size}, "
        f"{flops / 1e9:.1f} GFLOP per step; peak {peak / 1e9:.0f} GFLOP per CPU second\n"
        f"traced in {ours.trace:.1f}, compiled in {ours.compilation:.1f} CPU s\n"
        f"{'':20}{'CPU s':>8}{'wall s':>8}{'GFLOP/s':>9}{'of peak':>9}{'MiB':>7}{'CPU ratio':>11}"
    )
    for label in steps:
        rate, ratio = flops / times[label].cpu, times["vaejax"].cpu / times[label].cpu
        print(
            f"{label:20}{times[label].cpu:8.3f}{times[label].wall:8.3f}{rate / 1e9:9.1f}"
            f"{rate / peak:9.1%}{mebibytes[label]:7.0f}{ratio:11.2f}",
            flush=True,
        )


def scaling() -> None:
    """Memory and compilation of forms of one network, by its number of groups."""
    print(f"{'form':20}{'groups':>7}{'trace s':>9}{'compile s':>11}{'MiB':>7}")
    forms = {
        "scanned + remat": dict(depth="scanned", memory="remat"),
        "unrolled + store": dict(depth="unrolled", memory="store"),
    }
    images, compiled = np.zeros((8, *SCALING["image_shape"]), np.float32), {}
    for form, number in (
        ("scanned + remat", 12),
        ("scanned + remat", 36),
        ("unrolled + store", 36),
    ):
        model = NVAE(groups=(number,), **SCALING, **forms[form])
        ours = compiled[form, number] = compile_ours(model, images, shapes_only=True)
        print(
            f"{form:20}{number:7}{ours.trace:9.1f}{ours.compilation:11.1f}{ours.mebibytes:7.0f}",
            flush=True,
        )
    few, many = (compiled["scanned + remat", number] for number in (12, 36))
    unrolled = compiled["unrolled + store", 36]
    print(f"memory, scanned / unrolled: {many.mebibytes / unrolled.mebibytes:.3f} (at most 0.2)")
    ratio = (many.trace + many.compilation) / (few.trace + few.compilation)
    print(f"compilation, 36 groups / 12: {ratio:.2f} (less than 1.5)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--configs", default="S,A,B,C", help=f"some of {','.join(NETWORKS)}")
    parser.add_argument("--rounds", type=int, default=5, help="timed calls of each variant")
    parser.add_argument("--threads", type=int, default=1, help="cores to run on")
    parser.add_argument("--scaling", action="store_true", help="compare forms of one network")
    args = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: args.threads])
    if not keep_freed_memory():
        print("keep_freed_memory has no effect here: expect slower steps")
    if args.scaling:
        return scaling()
    if torch is None:
        print('PyTorch is not installed (pip install -e ".[benchmark]"): its rows are left out')
    else:
        torch.set_num_threads(args.threads)
    for name in args.configs.split(","):
        benchmark(name, args.rounds, args.threads)


if __name__ == "__main__":
    main()
