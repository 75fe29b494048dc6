"""CPU time of one training step of Gated PixelCNN and of PixelCNN++, against PyTorch's.

    pip install -e ".[benchmark]"
    python experiments/benchmarks/pixelcnn_step.py

Both on 16 binary images of 28 x 28 pixels, with Adam, at a size for a laptop:
    Gated PixelCNN: 10 layers of 32 features, 5 x 5 (the first 7 x 7);
    PixelCNN++:     32 features, 2 layers on the way down at each of two resolutions, dropout 0.5.
It prints the median CPU milliseconds per step of `make_train_step(elbo(...))` as it is, its metrics
included, of the same network in PyTorch (`pixelcnn_torch.py`) in both of its memory layouts, and
the ratio of ours to the better of them (required: at most 1.0). Before they are timed the losses of
both are compared, on the same weights, without dropout. All take turns in one process on
`--threads` cores, with `keep_freed_memory` on for all. Without PyTorch installed its rows are left
out.
"""

import argparse
import os

import jax
import jax.numpy as jnp
import numpy as np
from interleaved import Step, measure

from vaejax import create_train_state, make_optimizer, make_train_step, models, objectives
from vaejax.models.autoregressive import gated_pixelcnn, pixelcnn_pp
from vaejax.runs.host_memory import keep_freed_memory
from vaejax.training.state import TrainState

try:
    import pixelcnn_torch as twins
    import torch
    from torch.nn import functional as F
except ImportError:
    torch = None

BATCH_SIZE, SIDE, LEARNING_RATE, DROPOUT = 16, 28, 1e-3, 0.5
SHAPE = (SIDE, SIDE, 1)
NETWORKS = {
    "gated_pixelcnn": gated_pixelcnn(32, 10, 5, 7, head_features=32),
    "pixelcnn_pp": pixelcnn_pp(32, (2, 2), DROPOUT),
}
LAYOUTS = {"torch NCHW": "contiguous_format", "torch channels_last": "channels_last"}


class Ours:
    """The library's training step on one batch."""

    def __init__(self, name: str, images: np.ndarray):
        self.model = models.Autoregressive(SHAPE, NETWORKS[name])
        objective = objectives.elbo(self.model)
        optimizer = make_optimizer("adam", learning_rate=LEARNING_RATE)
        self.batch = {"image": jnp.asarray(images)}
        self.rng = jax.random.key(0)
        create = jax.jit(create_train_state, static_argnums=(0, 1))
        self.state: TrainState = create(objective, optimizer, self.rng, self.batch)
        step = jax.jit(make_train_step(objective, optimizer), donate_argnums=0)
        self.step = step.lower(self.state, self.batch, self.rng).compile()

    @property
    def parameters(self) -> dict:
        """Of the network."""
        return self.state.params["model"]["pixels"]["module"]

    def loss(self) -> float:
        """Nats per image, without dropout."""
        variables = {"params": self.state.params["model"]}
        return -float(jax.jit(self.model.apply)(variables, self.batch).log_px.mean())

    def __call__(self) -> float:
        self.state, metrics = self.step(self.state, self.batch, self.rng)
        return float(metrics["loss"])


class Theirs:
    """The same step in PyTorch."""

    def __init__(self, name: str, parameters: dict, images: np.ndarray, layout: str):
        memory_format = getattr(torch, layout)
        self.parameters = twins.to_torch(jax.device_get(parameters), memory_format)
        self.optimizer = torch.optim.Adam(twins.leaves(self.parameters), LEARNING_RATE, fused=True)
        x = torch.from_numpy(images).permute(0, 3, 1, 2)
        self.images = x.contiguous(memory_format=memory_format)
        if name == "gated_pixelcnn":
            self.network = lambda p, x, dropout: twins.gated_pixelcnn(p, x)
        else:
            self.network = twins.pixelcnn_pp

    def loss(self, dropout: float = 0.0) -> "torch.Tensor":
        """Nats per image."""
        logits = self.network(self.parameters, 2 * self.images - 1, dropout)
        loss = F.binary_cross_entropy_with_logits(logits, self.images, reduction="sum")
        return loss / BATCH_SIZE

    def __call__(self) -> float:
        self.optimizer.zero_grad()
        loss = self.loss(DROPOUT)
        loss.backward()
        self.optimizer.step()
        return loss.item()


def steps_of(name: str, images: np.ndarray) -> dict[str, Step]:
    """Every variant of a network's step; raises AssertionError where losses differ."""
    ours = Ours(name, images)
    steps: dict[str, Step] = {"vaejax": ours}
    if torch is not None:
        expected = ours.loss()
        for layout, form in LAYOUTS.items():
            theirs = Theirs(name, ours.parameters, images, form)
            np.testing.assert_allclose(theirs.loss().item(), expected, rtol=1e-4)
            steps[layout] = theirs
    return steps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", default=",".join(NETWORKS), help="names, with commas")
    parser.add_argument("--threads", type=int, default=1, help="cores to run on")
    parser.add_argument("--rounds", type=int, default=21, help="timed calls of each variant")
    args = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: args.threads])
    print(f"CPU time per step, {args.threads} thread(s), medians of {args.rounds} turns")
    if not keep_freed_memory():
        print("keep_freed_memory has no effect here: expect slower steps")
    if torch is None:
        print('PyTorch is not installed (pip install -e ".[benchmark]"): its rows are left out')
    else:
        torch.set_num_threads(args.threads)
    images = np.random.default_rng(0).random((BATCH_SIZE, *SHAPE)) < 0.3
    for name in args.networks.split(","):
        times = measure(steps_of(name, images.astype(np.float32)), args.rounds)
        print(name)
        for variant, seconds in times.items():
            print(f"  {variant:<20}{1e3 * seconds.cpu:8.1f} ms")
        if torch is not None:
            best = min(times[layout].cpu for layout in LAYOUTS)
            print(f"  vaejax takes {times['vaejax'].cpu / best:.2f} x the better of PyTorch's")


if __name__ == "__main__":
    main()
