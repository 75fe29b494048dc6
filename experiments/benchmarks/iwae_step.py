"""CPU time of one training step of the importance-weighted bound, against PyTorch's.

    pip install -e ".[benchmark]"
    python experiments/benchmarks/iwae_step.py

The one-layer network of `configs/iwae_mnist.py` (784-200-200-50 and back, tanh), 50 samples,
batches of 20 binary images, Adam. It prints the median CPU milliseconds per step of
    torch:           the same network, encoder once per image, decoder on all samples at once;
    vaejax:          `make_train_step(iwae(...))` as it is, its metrics and moving average included;
    vaejax chunks:   the same, 10 samples at once;
    vaejax DReG:     the same as vaejax, with the doubly reparameterised gradient;
the medians of the ratios of turns, vaejax over torch (required: at most 1.0), and the temporary
memory of each step of ours. All take turns in one process on `--threads` cores, with
`keep_freed_memory` on for all. Without PyTorch installed its row is left out.
"""

import argparse
import os
import statistics
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
from interleaved import Step, elapsed

from vaejax import create_train_state, make_optimizer, make_train_step, models, objectives
from vaejax.runs.host_memory import keep_freed_memory
from vaejax.training.state import count_parameters

try:
    import torch
    from torch.nn import functional as F
except ImportError:
    torch = None

NUM_SAMPLES, BATCH_SIZE, LATENT_SIZE, WIDTH = 50, 20, 50, 200
NUM_PIXELS = 28 * 28
NUM_PARAMETERS = 425_284
LEARNING_RATE = 1e-3
VARIANTS = {
    "vaejax": {},
    "vaejax chunks": {"chunk_size": 10},
    "vaejax DReG": {"gradient": "doubly_reparameterised"},
}


def jax_step(images: np.ndarray, settings: Mapping[str, object]) -> tuple[Step, float]:
    """The library's training step, and its temporary memory in MiB."""
    model = models.burda((28, 28, 1))
    objective = objectives.iwae(model, num_samples=NUM_SAMPLES, **settings)
    optimizer = make_optimizer("adam", learning_rate=LEARNING_RATE)
    batch, rng = {"image": jnp.asarray(images)}, jax.random.key(0)
    state = jax.jit(create_train_state, static_argnums=(0, 1))(objective, optimizer, rng, batch)
    assert count_parameters(state.params) == NUM_PARAMETERS
    step = jax.jit(make_train_step(objective, optimizer), donate_argnums=0)
    step = step.lower(state, batch, rng).compile()
    memory = step.memory_analysis().temp_size_in_bytes / 2**20

    def next_step() -> float:
        nonlocal state
        state, metrics = step(state, batch, rng)
        return float(metrics["loss"])

    return next_step, memory


def torch_step(images: np.ndarray) -> Step:
    """The same training step in PyTorch."""
    nn = torch.nn

    def hidden(size: int) -> list["nn.Module"]:
        return [nn.Linear(size, WIDTH), nn.Tanh(), nn.Linear(WIDTH, WIDTH), nn.Tanh()]

    encoder = nn.Sequential(*hidden(NUM_PIXELS), nn.Linear(WIDTH, 2 * LATENT_SIZE))
    decoder = nn.Sequential(*hidden(LATENT_SIZE), nn.Linear(WIDTH, NUM_PIXELS))
    parameters = [*encoder.parameters(), *decoder.parameters()]
    assert sum(p.numel() for p in parameters) == NUM_PARAMETERS
    optimizer = torch.optim.Adam(parameters, LEARNING_RATE, fused=True)
    x = torch.from_numpy(images.reshape(BATCH_SIZE, NUM_PIXELS))

    def next_step() -> float:
        optimizer.zero_grad()
        mean, log_scale = encoder(x).chunk(2, dim=1)
        noise = torch.randn(NUM_SAMPLES, BATCH_SIZE, LATENT_SIZE)
        z = mean + torch.exp(log_scale) * noise  # [K, B, D]
        logits = decoder(z)
        pixels = x.expand_as(logits)
        log_px = -F.binary_cross_entropy_with_logits(logits, pixels, reduction="none").sum(-1)
        log_ratio = (0.5 * (noise**2 - z**2) + log_scale).sum(-1)  # log p(z) - log q(z | x)
        loss = -torch.logsumexp(log_px + log_ratio, dim=0).mean() + np.log(NUM_SAMPLES)
        loss.backward()
        optimizer.step()
        return loss.item()

    return next_step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1, help="cores to run on")
    parser.add_argument("--rounds", type=int, default=41, help="timed calls of each variant")
    args = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: args.threads])
    kept = keep_freed_memory()
    print(f"CPU time per step, {args.threads} thread(s), medians of {args.rounds} turns")
    if not kept:
        print("keep_freed_memory has no effect here: expect slower steps")
    images = (np.random.default_rng(0).random((BATCH_SIZE, 28, 28, 1)) < 0.3).astype(np.float32)
    steps: dict[str, Step] = {}
    if torch is None:
        print('PyTorch is not installed (pip install -e ".[benchmark]"): its row is left out')
    else:
        torch.set_num_threads(args.threads)
        steps["torch"] = torch_step(images)
    memory = {}
    for name, settings in VARIANTS.items():
        steps[name], memory[name] = jax_step(images, settings)
    times: dict[str, list[float]] = {name: [] for name in steps}
    for turn in range(args.rounds + 3):
        for name, step in steps.items():
            seconds = elapsed(step).cpu
            if turn >= 3:  # warmed up
                times[name].append(seconds)
    for name, values in times.items():
        row = f"  {name:<16}{1e3 * statistics.median(values):8.1f} ms"
        if name in memory:
            row += f"{memory[name]:8.1f} MiB"
        if "torch" in times:
            pairs = zip(values, times["torch"], strict=True)
            row += f"{statistics.median(ours / theirs for ours, theirs in pairs):8.2f} x torch"
        print(row)


if __name__ == "__main__":
    main()
