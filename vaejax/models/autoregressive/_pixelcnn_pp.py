"""PixelCNN++ as a part of a model.

Reference: Salimans et al., PixelCNN++, 2017.
"""

import dataclasses
from collections.abc import Sequence

import flax.linen as nn

from vaejax.core.checks import check_counts
from vaejax.models.autoregressive.network import Conditioning, Outputs, PixelNetwork
from vaejax.nn.pixelcnn_pp import PixelCNNpp, check_halved


@dataclasses.dataclass(frozen=True, kw_only=True)
class _PixelCNNpp(PixelNetwork):
    features: int
    num_layers: tuple[int, ...]

    def __post_init__(self):
        super().__post_init__()
        if not self.num_layers:
            raise ValueError("num_layers: expected a number for one resolution at least, got none")
        counts = {f"num_layers[{i}]": (count, 1) for i, count in enumerate(self.num_layers)}
        check_counts(features=(self.features, 1), **counts)

    def module(self, outputs: Outputs) -> nn.Module:
        return PixelCNNpp(
            num_outputs=outputs.num,
            features=self.features,
            num_layers=self.num_layers,
            dropout_rate=self.dropout,
        )

    def check(self, image_shape: tuple[int, int, int]) -> None:
        check_halved(*image_shape[:2], self.num_layers)


def pixelcnn_pp(
    features: int = 160,
    num_layers: Sequence[int] = (5, 5, 5),
    dropout: float = 0.5,
    conditioning: Conditioning = "map",
    map_features: int = 32,
) -> PixelNetwork:
    """Gated residual layers in two streams that shrink and grow again; colours come together.

    Args:
        features: of every layer.
        num_layers: at full resolution, at half of it and so on: on the way down; on the way up
            there is one more at all but the last. Height and width are halved between them.
        dropout: share of activations that drop out while training.
        conditioning: what of a code the network is given: a "map" [B, H, W, E] that the model's own
            decoder makes, or the "vector" of the code itself in every layer.
        map_features: E.
    """
    return _PixelCNNpp(
        features=features,
        num_layers=tuple(num_layers),
        dropout=dropout,
        conditioning=conditioning,
        map_features=map_features,
    )
