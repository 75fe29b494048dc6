"""Wall time of drawing images pixel by pixel, against a pass of the whole network for every pixel.

    python experiments/benchmarks/drawing.py --networks=gated_pixelcnn,pixelcnn_pp,pixelsnail

For each network of laptop size, on 16 images of 32 x 32 x 3, it prints
    drawn        seconds of `draw_in_order`, compiled;
    naive        H W times the seconds of one pass over whole images, compiled: each pass gives one
                 pixel more, and all cost the same, so few are run;
    ratio        naive over drawn (required: the number beside it);
    difference   the largest between the outputs that pixels were drawn from and those of one pass
                 over all that was drawn, in float32 (required: at most 1e-4).
Seconds are medians of `--rounds` calls that take turns, after one to warm up.
"""

import argparse
from functools import partial
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from interleaved import measure

from vaejax.nn.causal import Place
from vaejax.nn.drawing import draw_in_order
from vaejax.nn.gated_pixelcnn import GatedPixelCNN
from vaejax.nn.pixelcnn_pp import PixelCNNpp
from vaejax.nn.pixelsnail import PixelSNAIL
from vaejax.runs.host_memory import keep_freed_memory
from vaejax.training.state import count_parameters
from vaejax.types import Array

SHAPE = (16, 32, 32, 3)  # B, H, W, C
GAIN = 0.3  # of outputs in pixels: below 1, so that what is drawn does not grow from row to row
MOST_DIFFERENCE = 1e-4


class Contender(NamedTuple):
    """A network of C outputs, and how much faster than naively it is to be drawn from."""

    network: nn.Module
    least_ratio: float


NETWORKS = {
    "gated_pixelcnn": Contender(
        GatedPixelCNN(
            num_outputs=SHAPE[-1],
            output_colours=None,
            colours=1,
            features=32,
            num_layers=7,
            kernel_size=5,
            first_kernel_size=7,
            head_features=32,
        ),
        30.0,
    ),
    "pixelcnn_pp": Contender(
        PixelCNNpp(num_outputs=SHAPE[-1], features=32, num_layers=(2, 2, 2), dropout_rate=0.5),
        30.0,
    ),
    "pixelsnail": Contender(
        PixelSNAIL(
            num_outputs=SHAPE[-1],
            features=32,
            num_blocks=2,
            num_layers=4,
            key_size=16,
            value_size=32,
            dropout_rate=0.5,
        ),
        10.0,
    ),
}


def names(text: str) -> list[str]:
    """A command-line type: networks with commas between them."""
    if unknown := set(text.split(",")) - set(NETWORKS):
        raise argparse.ArgumentTypeError(f"expected some of {list(NETWORKS)}, got {unknown}")
    return text.split(",")


def drawn(network: nn.Module, variables: Any, noise: Array) -> Array:
    """Images whose every pixel is `GAIN` times the outputs there, plus noise."""

    def draw(before: Array, outputs: Array, number: Array, turn: int) -> Array:
        del before, turn
        width = noise.shape[2]
        return GAIN * outputs + Place(number // width, number % width, width=width).of(noise)

    return draw_in_order(network, variables, jnp.zeros_like(noise), draw)


class Row(NamedTuple):
    """What is printed of a network."""

    parameters: int
    drawn: float
    naive: float
    difference: float


def row(network: nn.Module, shape: tuple[int, ...], rounds: int) -> Row:
    """Of a network and images of that shape."""
    init_key, noise_key = jax.random.split(jax.random.key(0))
    noise = 0.5 * jax.random.normal(noise_key, shape)
    variables = jax.jit(network.init)(init_key, noise)
    draw, apply = jax.jit(partial(drawn, network)), jax.jit(network.apply)
    images = draw(variables, noise)
    outputs = (images - noise) / GAIN
    difference = jnp.abs(outputs - apply(variables, images)).max()
    steps = {
        "drawn": lambda: jax.block_until_ready(draw(variables, noise)),
        "pass": lambda: jax.block_until_ready(apply(variables, images)),
    }
    seconds = measure(steps, rounds)
    return Row(
        count_parameters(variables["params"]),
        seconds["drawn"].wall,
        shape[1] * shape[2] * seconds["pass"].wall,
        float(difference),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--networks", type=names, default=list(NETWORKS))
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    keep_freed_memory()
    for name in args.networks:
        network, least_ratio = NETWORKS[name]
        parameters, fast, naive, difference = row(network, SHAPE, args.rounds)
        print(
            f"{name} ({parameters:,} parameters): drawn {fast:.2f} s, naive {naive:.0f} s, "
            f"ratio {naive / fast:.1f} (required {least_ratio:.0f}), "
            f"difference {difference:.1e} (required {MOST_DIFFERENCE:.0e})",
            flush=True,
        )


if __name__ == "__main__":
    main()
