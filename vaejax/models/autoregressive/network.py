"""What an autoregressive network is to a model: a module for given outputs, and a condition."""

import dataclasses
from typing import ClassVar, Literal, NamedTuple

import flax.linen as nn

from vaejax.core.checks import check_counts, check_number
from vaejax.distributions import Likelihood

Conditioning = Literal["map", "vector"]


class Outputs(NamedTuple):
    """What a network is to say of every pixel, and of what kind its input is.

    Attributes:
        num: per pixel.
        colours: colours that come one after another; 1 where those of a pixel come together.
        of_colours: the colour of each output; None where there is one.
    """

    num: int
    colours: int = 1
    of_colours: tuple[int, ...] | None = None

    @classmethod
    def of(cls, likelihood: Likelihood, channels: int, *, ordered: bool) -> "Outputs":
        """Those that a likelihood of images of C channels takes.

        Args:
            likelihood: of a pixel.
            channels: C.
            ordered: whether a network looks at the colours before; else those of a pixel are drawn
                at once, together or independent of each other, as the likelihood has it.
        """
        num = likelihood.num_outputs(channels)
        if channels == 1 or likelihood.joint_channels or not ordered:
            return cls(num)
        order = likelihood.channel_of_outputs(channels)
        return cls(num, channels, tuple(int(colour) for colour in order))


@dataclasses.dataclass(frozen=True, kw_only=True)
class PixelNetwork:
    """An autoregressive network; one is a frozen dataclass of its settings, as a likelihood is.

    Attributes:
        conditioning: what of a code it is given: a "map" [B, H, W, E] that the model's own decoder
            makes, or the "vector" of the code itself in every layer.
        map_features: E.
        dropout: share of activations that drop out while training.
        orders_colours: whether it looks at the colours of the pixel itself that come before one.
    """

    conditioning: Conditioning = "map"
    map_features: int = 32
    dropout: float = 0.0
    orders_colours: ClassVar[bool] = False

    def __post_init__(self):
        if self.conditioning not in ("map", "vector"):
            raise ValueError(f"conditioning: expected 'map' or 'vector', got {self.conditioning!r}")
        check_counts(map_features=(self.map_features, 1))
        check_number("dropout", self.dropout, lambda x: 0 <= x < 1, "a number in [0, 1)")

    def module(self, outputs: Outputs) -> nn.Module:
        """The network, a `vaejax.nn.drawing.Causal`."""
        raise NotImplementedError

    def check(self, image_shape: tuple[int, int, int]) -> None:
        """Raise ValueError where it takes no images (H, W, C)."""
