"""What a network sees of the pixels before the one it computes, measured by gradients.

Masked convolutions one after another never see what lies above and far to the right: every layer
reaches to the right only as far as it reaches up, and its neighbour on the right only what comes
before that. Of the 144 pixels before the centre of 17 x 17 images eight layers of 3 x 3 see 116.

Reference: van den Oord et al., Conditional image generation with PixelCNN decoders, 2016, figure 1.
"""

from pathlib import Path
from typing import NamedTuple

import flax.linen as nn
import jax
import numpy as np

from experiments.autoregressive import figures
from experiments.style import draw
from vaejax.models.autoregressive import Outputs, PixelNetwork, gated_pixelcnn, pixelsnail
from vaejax.nn.autoregressive import MaskedConv
from vaejax.types import Array

SIDE = 17  # of the images, whose centre is what is computed
LAYERS = 8  # of 3 x 3: what they reach is the whole image
FEATURES = 8


class MaskedStack(nn.Module):
    """Masked 3 x 3 convolutions one after another, as in the first PixelCNN."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """[B, H, W, I] -> [B, H, W, C]."""
        for layer in range(LAYERS):
            first = layer == 0
            x = MaskedConv(FEATURES, 3, zero_diagonal=first, blocks=1)(x if first else nn.elu(x))
        return x


class Field(NamedTuple):
    """What the centre of an image sees.

    Attributes:
        gradient: of what is computed there with respect to every pixel, sum of absolute values over
            outputs, [SIDE, SIDE].
    """

    gradient: np.ndarray

    @property
    def past(self) -> np.ndarray:
        """The pixels before the centre, [SIDE, SIDE] bool."""
        return (np.arange(SIDE * SIDE) < SIDE * SIDE // 2).reshape(SIDE, SIDE)

    @property
    def num_past(self) -> int:
        """How many pixels come before the centre."""
        return int(self.past.sum())

    @property
    def num_seen(self) -> int:
        """How many of these it sees."""
        return int((self.gradient[self.past] > 0).sum())

    @property
    def num_leaks(self) -> int:
        """How many of the others, the centre among them, it sees; of a sound network none."""
        return int((self.gradient[~self.past] > 0).sum())


def networks() -> dict[str, nn.Module]:
    """The networks that are compared, by title."""
    parts: dict[str, PixelNetwork] = {
        "Gated PixelCNN": gated_pixelcnn(
            FEATURES, LAYERS, kernel_size=3, first_kernel_size=3, head_features=FEATURES
        ),
        "PixelSNAIL": pixelsnail(
            FEATURES, num_blocks=1, num_layers=2, key_size=4, value_size=FEATURES
        ),
    }
    outputs = Outputs(FEATURES)
    return {
        "masked 3 x 3": MaskedStack(),
        **{title: part.module(outputs) for title, part in parts.items()},
    }


def field_of(network: nn.Module) -> Field:
    """The field of a network at its first parameters, on an image of noise."""
    image_rng, rng = jax.random.split(jax.random.key(0))
    image = jax.random.normal(image_rng, (1, SIDE, SIDE, 1))
    variables = jax.jit(network.init)(rng, image)

    @jax.jit
    def gradient(image: Array) -> Array:  # [outputs, SIDE, SIDE]
        centre = SIDE // 2
        jacobian = jax.jacrev(lambda x: network.apply(variables, x)[0, centre, centre])(image)
        return jacobian[:, 0, :, :, 0]

    return Field(np.abs(np.asarray(gradient(image), np.float64)).sum(0))


def run(folder: Path) -> list[dict[str, int | str]]:
    """Measure every network, draw `blind_spot.png`, and return a row for each.

    Args:
        folder: receives the figure.
    """
    fields = {title: field_of(network) for title, network in networks().items()}
    draw(folder / "blind_spot.png", figures.blind_spot, fields)
    return [
        {"network": title, "seen": f.num_seen, "past": f.num_past, "leaks": f.num_leaks}
        for title, f in fields.items()
    ]
