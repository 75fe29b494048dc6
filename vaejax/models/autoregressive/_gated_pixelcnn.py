"""Gated PixelCNN as a part of a model.

References:
    van den Oord et al., Conditional image generation with PixelCNN decoders, 2016.
    Chen et al., Variational lossy autoencoder, 2017, section 2.3 (a window in place of all pixels).
"""

import dataclasses
from typing import ClassVar

import flax.linen as nn

from vaejax.core.checks import check_counts
from vaejax.models.autoregressive.network import Conditioning, Outputs, PixelNetwork
from vaejax.nn.gated_pixelcnn import GatedPixelCNN


@dataclasses.dataclass(frozen=True, kw_only=True)
class _GatedPixelCNN(PixelNetwork):
    features: int
    num_layers: int
    kernel_size: int
    first_kernel_size: int
    head_features: int
    window: int | None
    orders_colours: ClassVar[bool] = True

    def __post_init__(self):
        super().__post_init__()
        check_counts(
            features=(self.features, 1),
            num_layers=(self.num_layers, 1),
            head_features=(self.head_features, 1),
        )
        for name in ("kernel_size", "first_kernel_size", "window"):
            size = getattr(self, name)
            if size is not None and (size < 1 or size % 2 == 0):
                raise ValueError(f"{name}: expected an odd number >= 1, got {size}")

    def module(self, outputs: Outputs) -> nn.Module:
        # What is within a window the first layer sees at once; all others look at one pixel.
        windowed = self.window is not None
        return GatedPixelCNN(
            num_outputs=outputs.num,
            output_colours=outputs.of_colours,
            colours=outputs.colours,
            features=self.features,
            num_layers=self.num_layers - 1,
            kernel_size=1 if windowed else self.kernel_size,
            first_kernel_size=self.window or self.first_kernel_size,
            head_features=self.head_features,
        )


def gated_pixelcnn(
    features: int = 128,
    num_layers: int = 15,
    kernel_size: int = 5,
    first_kernel_size: int = 7,
    head_features: int = 128,
    window: int | None = None,
    conditioning: Conditioning = "map",
    map_features: int = 32,
) -> PixelNetwork:
    """Gated layers in two streams, without a blind spot.

    Args:
        features: of every layer.
        num_layers: the first one counted.
        kernel_size: odd; a layer sees half of it above and to the left.
        first_kernel_size: of the first layer.
        head_features: of the layer before the last.
        window: side, odd, of the square around a pixel outside which nothing is seen (of what comes
            before, in it); 1 sees no pixel, so that pixels are independent given what else is
            known. In place of both kernels; None sees as far as they reach.
        conditioning: what of a code the network is given: a "map" [B, H, W, E] that the model's own
            decoder makes, or the "vector" of the code itself in every layer.
        map_features: E.
    """
    return _GatedPixelCNN(
        features=features,
        num_layers=num_layers,
        kernel_size=kernel_size,
        first_kernel_size=first_kernel_size,
        head_features=head_features,
        window=window,
        conditioning=conditioning,
        map_features=map_features,
    )
