"""PixelSNAIL as a part of a model.

Reference: Chen et al., PixelSNAIL: An improved autoregressive generative model, 2018.
"""

import dataclasses

import flax.linen as nn

from vaejax.core.checks import check_counts
from vaejax.models.autoregressive.network import Conditioning, Outputs, PixelNetwork
from vaejax.nn.pixelsnail import PixelSNAIL


@dataclasses.dataclass(frozen=True, kw_only=True)
class _PixelSNAIL(PixelNetwork):
    features: int
    num_blocks: int
    num_layers: int
    key_size: int
    value_size: int

    def __post_init__(self):
        super().__post_init__()
        names = ("features", "num_blocks", "num_layers", "key_size", "value_size")
        check_counts(**{name: (getattr(self, name), 1) for name in names})

    def module(self, outputs: Outputs) -> nn.Module:
        return PixelSNAIL(
            num_outputs=outputs.num,
            features=self.features,
            num_blocks=self.num_blocks,
            num_layers=self.num_layers,
            key_size=self.key_size,
            value_size=self.value_size,
            dropout_rate=self.dropout,
        )


def pixelsnail(
    features: int = 256,
    num_blocks: int = 12,
    num_layers: int = 4,
    key_size: int = 16,
    value_size: int = 128,
    dropout: float = 0.5,
    conditioning: Conditioning = "map",
    map_features: int = 32,
) -> PixelNetwork:
    """Blocks of gated residual layers and attention over all pixels before; colours come together.

    Args:
        features: of every layer.
        num_blocks: of residual layers and one attention.
        num_layers: residual layers of a block.
        key_size: numbers of a key and of a query.
        value_size: numbers of a value.
        dropout: share of activations that drop out while training.
        conditioning: what of a code the network is given: a "map" [B, H, W, E] that the model's own
            decoder makes, or the "vector" of the code itself in every layer.
        map_features: E.
    """
    return _PixelSNAIL(
        features=features,
        num_blocks=num_blocks,
        num_layers=num_layers,
        key_size=key_size,
        value_size=value_size,
        dropout=dropout,
        conditioning=conditioning,
        map_features=map_features,
    )
