"""CPU time of one training step of the Burgess and Frey networks, against PyTorch's.

    pip install -e ".[benchmark]"
    python experiments/benchmarks/train_step.py --threads 1

For each network (batch 64, Adam) it prints the median CPU milliseconds per step of
    torch NCHW, torch channels_last: the same network in both memory layouts of PyTorch;
    lax:                             `make_train_step` with XLA's own convolutions and gradients;
    vaejax:                          `make_train_step` as it is;
    vaejax scan:                     the same, 8 steps in one `lax.scan`;
and two ratios: vaejax over the better torch (required: at most 1.3) and scan over no scan (1.1).
All variants take turns in every round, in one process on `--threads` cores, with
`keep_freed_memory` on for all. Without PyTorch installed its rows are left out.
"""

import argparse
import itertools
import os
import statistics
import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from vaejax import create_train_state, make_optimizer, make_train_step, models, objectives
from vaejax.core.platform import native_operations
from vaejax.models.presets import PRESETS, Architecture
from vaejax.runs.host_memory import keep_freed_memory
from vaejax.training.state import count_parameters

try:
    import torch
    from torch.nn import functional as F
except ImportError:
    torch = None

BATCH_SIZE = 64
LEARNING_RATE = 1e-4
SCAN_STEPS = 8
# Image shape, latents and the published number of parameters, which both sides must have.
NETWORKS = {"burgess": ((64, 64, 1), 10, 502_005), "frey": ((28, 20, 1), 2, 425_189)}

Step = Callable[[], float]
"""One training step; returns the loss, so that it must have finished."""


def jax_step(preset: str, images: np.ndarray, *, scan: bool = False) -> Step:
    """The library's training step, or `SCAN_STEPS` of them in one call."""
    shape, latent_size, num_parameters = NETWORKS[preset]
    model = models.ConvVAE(shape, latent_size, preset)
    objective = objectives.elbo(model)
    optimizer = make_optimizer("adam", learning_rate=LEARNING_RATE)
    step, rng = make_train_step(objective, optimizer), jax.random.key(0)
    batch = {"image": jnp.asarray(images)}
    state = jax.jit(create_train_state, static_argnums=(0, 1))(objective, optimizer, rng, batch)
    assert count_parameters(state.params) == num_parameters

    def run(state, batch):
        if not scan:
            return step(state, batch, rng)
        return jax.lax.scan(lambda s, _: step(s, batch, rng), state, length=SCAN_STEPS)

    run = jax.jit(run, donate_argnums=0)

    def next_step() -> float:
        nonlocal state
        state, metrics = run(state, batch)
        return float(metrics["loss"].mean())

    next_step()  # compile here, where the caller chose the convolutions
    return next_step


def torch_step(preset: str, images: np.ndarray, memory_format: "torch.memory_format") -> Step:
    """The same training step in PyTorch."""
    shape, latent_size, num_parameters = NETWORKS[preset]
    encoder, decoder = torch_networks(PRESETS[preset](shape), shape, latent_size)
    network = torch.nn.ModuleList([encoder, decoder]).to(memory_format=memory_format)
    assert sum(p.numel() for p in network.parameters()) == num_parameters
    x = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous(memory_format=memory_format)
    optimizer = torch.optim.Adam(network.parameters(), LEARNING_RATE, fused=True)

    def next_step() -> float:
        optimizer.zero_grad()
        mean, log_var = encoder(x).chunk(2, dim=1)
        logits = decoder(mean + torch.exp(0.5 * log_var) * torch.randn_like(mean))
        nll = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
        kl = 0.5 * torch.sum(mean**2 + log_var.exp() - log_var - 1)
        loss = (nll + kl) / len(x)
        loss.backward()
        optimizer.step()
        return loss.item()

    return next_step


def torch_networks(
    arch: Architecture, image_shape: tuple[int, int, int], latent_size: int
) -> tuple["torch.nn.Module", "torch.nn.Module"]:
    """An architecture of `presets.py` in PyTorch: images to (mean, log_var), codes to logits.

    Where SAME padding is uneven (3x3, stride 2) PyTorch pads evenly: as much work, no copy.
    """
    nn = torch.nn

    def up(inputs: int, features: int, k: int, s: int) -> nn.Module:
        if s == 1:
            return nn.Conv2d(inputs, features, k, 1, (k - 1) // 2)
        p = (k - s + 1) // 2
        return nn.ConvTranspose2d(inputs, features, k, s, p, output_padding=s + 2 * p - k)

    (height, width, features), encoder, decoder = image_shape, [], []
    for spec in arch.convs:
        k = spec.kernel
        encoder += [nn.Conv2d(features, spec.features, k, spec.stride, (k - 1) // 2), nn.ReLU()]
        features = spec.features
    feature_map = (features, height // arch.stride, width // arch.stride)
    size = features * feature_map[1] * feature_map[2]
    encoder.append(nn.Flatten())
    for before, after in zip((size, *arch.dense[:-1]), arch.dense, strict=True):
        encoder += [nn.Linear(before, after), nn.ReLU()]
    encoder.append(nn.Linear(arch.dense[-1], 2 * latent_size))
    widths = (latent_size, *arch.decoder_dense, size)
    for before, after in itertools.pairwise(widths):
        decoder += [nn.Linear(before, after), nn.ReLU()]
    decoder.append(nn.Unflatten(1, feature_map))
    for spec in arch.deconvs:
        decoder += [up(features, *spec), nn.ReLU()]
        features = spec.features
    decoder.append(up(features, image_shape[-1], *arch.output))
    return nn.Sequential(*encoder), nn.Sequential(*decoder)


def measure(steps: dict[str, Step], rounds: int) -> dict[str, float]:
    """Median CPU milliseconds of one call each, the variants taking turns."""
    times = {name: [] for name in steps}
    for _ in range(rounds + 1):
        for name, step in steps.items():
            start = time.process_time()
            step()
            times[name].append(1e3 * (time.process_time() - start))
    return {name: statistics.median(values[1:]) for name, values in times.items()}  # warmed up


def benchmark(preset: str, rounds: int) -> None:
    """Measure one network and print its rows."""
    images = np.random.default_rng(0).random((BATCH_SIZE, *NETWORKS[preset][0]), np.float32)
    steps = {}
    if torch is not None:
        steps["torch NCHW"] = torch_step(preset, images, torch.contiguous_format)
        steps["torch channels_last"] = torch_step(preset, images, torch.channels_last)
    with native_operations():
        steps["lax"] = jax_step(preset, images)
    steps["vaejax"] = jax_step(preset, images)
    steps["vaejax scan"] = jax_step(preset, images, scan=True)
    times = measure(steps, rounds)
    times["vaejax scan"] /= SCAN_STEPS
    torch_times = [value for name, value in times.items() if name.startswith("torch")]
    print(f"\n{preset}")
    for name, milliseconds in times.items():
        print(f"  {name:<24}{milliseconds:8.1f} ms")
    if torch_times:
        print(f"  {'vaejax / better torch':<24}{times['vaejax'] / min(torch_times):8.2f}")
    print(f"  {'scan / no scan':<24}{times['vaejax scan'] / times['vaejax']:8.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1, help="cores to run on")
    parser.add_argument("--rounds", type=int, default=15, help="timed calls of each variant")
    args = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: args.threads])
    kept = keep_freed_memory()
    print(
        f"CPU time per step, batch {BATCH_SIZE}, {args.threads} thread(s), median of {args.rounds}"
    )
    if not kept:
        print("keep_freed_memory has no effect here: expect slower steps")
    if torch is None:
        print('PyTorch is not installed (pip install -e ".[benchmark]"): its rows are left out')
    else:
        torch.set_num_threads(args.threads)
    for preset in NETWORKS:
        benchmark(preset, args.rounds)


if __name__ == "__main__":
    main()
