"""The network of NVAE: a bottom-up path that reads images, a top-down path that draws codes.

Both begin and end with residual cells at the size of the image; between them lie scales of equal
groups, `nvae_groups.py`. What is done with it is in `nvae.py`.

Reference: Vahdat & Kautz, NVAE: a deep hierarchical variational autoencoder, 2020, figures 2 and 3.
"""

from collections.abc import Sequence
from typing import Any, get_args

import flax.linen as nn
import jax
import jax.numpy as jnp

from vaejax.core.checks import check_counts
from vaejax.core.randomness import draw
from vaejax.distributions import Likelihood, LogisticMixture, logistic_mixture
from vaejax.models.autoregressive import PixelNetwork
from vaejax.models.nvae_groups import EncoderGroup, Group, GroupInputs, GroupOutput, TopGroup
from vaejax.models.nvae_presets import CELLS
from vaejax.models.priors import Prior, standard
from vaejax.models.vae import VAE, check_image_shape
from vaejax.nn.residual_cell import ResidualCell
from vaejax.nn.stacked import Depth, Memory, apply_stacked
from vaejax.nn.weight_norm import WeightNormConv
from vaejax.types import Array, Distribution

DTYPES = ("bfloat16", "float16", "float32", "float64")
NVAE_EDGE_THRESHOLD = 0.99  # of the official logistic mixture, see `LogisticMixture`
NVAE_PRIOR_SCALE = 1.01  # of the official prior of the first group
LEAST = {  # of every number in a network's settings
    "latent_channels": 1,
    "encoder_features": 1,
    "decoder_features": 1,
    "num_blocks": 0,
    "preprocess_cells": 1,
    "postprocess_cells": 1,
    "encoder_cells": 1,
    "decoder_cells": 1,
    "num_flows": 0,
}


class NVAENetwork(VAE):
    """The network of `NVAE`, whose docstring says what the attributes are."""

    image_shape: tuple[int, int, int]
    likelihood: Likelihood = logistic_mixture()
    prior: Prior = standard()
    groups: tuple[int, ...] = (5, 10, 20)
    latent_channels: int = 20
    encoder_features: int = 64
    decoder_features: int = 64
    num_blocks: int = 1
    preprocess_cells: int = 2
    postprocess_cells: int = 2
    encoder_cells: int = 2
    decoder_cells: int = 2
    num_flows: int = 0
    cells: str = "res_mbconv"
    squeeze_excite: bool = True
    residual_posterior: bool = True
    dtype: str | None = None
    depth: Depth = "scanned"
    memory: Memory = "remat"
    nvae_compat: bool = False
    autoregressive: PixelNetwork | None = None

    def __post_init__(self):
        if self.cells not in CELLS:
            raise ValueError(f"cells: expected one of {sorted(CELLS)}, got {self.cells!r}")
        if not self.groups or min(self.groups) < 1:
            raise ValueError(f"groups: expected numbers >= 1, got {self.groups}")
        check_counts(**{name: (getattr(self, name), least) for name, least in LEAST.items()})
        for name, valid in (("depth", get_args(Depth)), ("memory", get_args(Memory))):
            if getattr(self, name) not in valid:
                raise ValueError(f"{name}: expected one of {valid}, got {getattr(self, name)!r}")
        if self.nvae_compat and self.prior != standard():
            raise ValueError("prior: expected the standard one beside nvae_compat, got another")
        if self.dtype is not None and self.dtype not in DTYPES:
            raise ValueError(f"dtype: expected one of {DTYPES} or None, got {self.dtype!r}")
        check_image_shape(
            self.image_shape,
            self.likelihood,
            2 ** (self.num_blocks + len(self.groups) - 1),
            f"fewer scales than {len(self.groups)} or fewer blocks than {self.num_blocks}",
        )
        self._check_pixels()
        super().__post_init__()

    @property
    def latent_shapes(self) -> tuple[tuple[int, int, int], ...]:
        """(h, w, latent_channels) of every group's codes, top first."""
        height, width, _ = self.image_shape
        shapes = []
        for i, num_groups in enumerate(self.groups):
            stride = self._stride(i)
            shapes += [(height // stride, width // stride, self.latent_channels)] * num_groups
        return tuple(shapes)

    def _stride(self, scale: int) -> int:
        """By how much an image is larger than scale i, top first."""
        return 2 ** (self.num_blocks + len(self.groups) - 1 - scale)

    def setup(self):
        cells, strides = CELLS[self.cells], [self._stride(i) for i in range(len(self.groups))]
        top, bottom = strides[0], strides[-1]
        up_width = [self.encoder_features * stride for stride in strides]
        down_width = [self.decoder_features * stride for stride in strides]

        def cell(features, operations, resample="same"):
            return ResidualCell(features, operations, resample, self.squeeze_excite)

        self.stem = WeightNormConv(self.encoder_features, 3)
        self.preprocess = [
            cell(
                self.encoder_features * 2 ** (block + (resample == "down")),
                cells.preprocess,
                resample,
            )
            for block in range(self.num_blocks)
            for resample in ["same"] * (self.preprocess_cells - 1) + ["down"]
        ]
        self.encoder = [
            EncoderGroup(width, self.encoder_cells, cells.encoder, self.squeeze_excite)
            for width in up_width
        ]
        self.down = [cell(width, cells.encoder, "down") for width in up_width[:-1]]
        self.top_features = WeightNormConv(up_width[0], 1)
        prior = standard(NVAE_PRIOR_SCALE) if self.nvae_compat else self.prior
        self.top = TopGroup(self.latent_channels, down_width[0], self.num_flows, prior)
        self.decoder = [
            Group(
                self.latent_channels,
                down,
                self.num_flows,
                None,
                up,
                self.decoder_cells,
                cells.decoder,
                self.squeeze_excite,
                self.residual_posterior,
            )
            for up, down in zip(up_width, down_width, strict=True)
        ]
        self.up = [cell(width, cells.decoder, "up") for width in down_width[1:]]
        self.postprocess = [
            cell(self.decoder_features * (bottom // 2 ** (block + 1)), cells.postprocess, resample)
            for block in range(self.num_blocks)
            for resample in ["up"] + ["same"] * (self.postprocess_cells - 1)
        ]
        self.head = WeightNormConv(self.num_outputs, 3)
        self._setup_pixels()
        if not self._is_flat:
            height, width, _ = self.image_shape
            shape = (height // top, width // top, down_width[0])
            self.start = self.param("start", lambda rng: draw(jax.random.uniform, rng, shape))

    @property
    def _is_flat(self) -> bool:
        """Whether there is a single group: then its codes begin the top-down path."""
        return self.groups == (1,)

    def _bottom_up(self, x: Array, train: bool) -> tuple[Array, list[Array]]:
        """The features of images [B, H, W, C] on [-1, 1].

        Returns:
            Those of the top group [B, h, w, C], and those of the other groups of every scale, top
            first, stacked as the top-down path wants them, [groups, B, h, w, C].
        """
        x = self.stem(x.astype(self.dtype or x.dtype))
        for cell in self.preprocess:
            x = cell(x, train)
        features: list[Array] = []
        for i in reversed(range(0 if self._is_flat else len(self.groups))):
            x, ascending = self._stack(self.encoder[i], self.groups[i], _ascend, x, None, train)
            features.insert(0, ascending[::-1])
            if i:
                x = self.down[i - 1](x, train)
            else:
                features[0] = features[0][1:]  # the top group takes the last ones, x itself
        return nn.elu(self.top_features(nn.elu(x))), features

    def _top_down(
        self, inputs: Sequence[GroupInputs], features: Sequence[Array | None], train: bool
    ) -> tuple[Array, tuple[GroupOutput, ...]]:
        """From the inputs of every group to the features of the last, and what each gives.

        Args:
            inputs: of every group, top first, without features for all but the top.
            features: of the others, stacked per scale; None where there is no image.
            train: whether batch normalisation takes the batch's statistics.
        """
        first, *rest = inputs
        if self._is_flat:  # the path begins with the codes: before them it has no channels
            start = jnp.zeros((*first.noise.shape[1:3], 0), first.noise.dtype)
        else:
            start = self.start
        shape = (first.noise.shape[0], *start.shape)
        x = jnp.broadcast_to(start.astype(self.dtype or start.dtype), shape)
        x, output = self.top(x, first, train)
        outputs = [output]
        for i, group in enumerate(self.decoder):
            if i:
                x = self.up[i - 1](x, train)
            length = self.groups[i] if i else self.groups[0] - 1
            if not length:
                continue
            stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *rest[:length])
            stacked, rest = stacked._replace(features=features[i]), rest[length:]
            x, several = self._stack(group, length, _descend, x, stacked, train)
            outputs += [jax.tree.map(lambda leaf, j=j: leaf[j], several) for j in range(length)]
        return x, tuple(outputs)

    def _stack(self, block, length: int, call, x: Array, inputs: Any, train: bool):
        return apply_stacked(
            block,
            lambda block, x, inputs: call(block, x, inputs, train),
            x,
            inputs,
            length=length,
            depth=self.depth,
            memory=self.memory,
        )

    def _outputs(self, features: Array, train: bool) -> Array:
        """From the state of the top-down path [B, h, w, C] after its last group."""
        for cell in self.postprocess:
            features = cell(features, train)
        outputs = self.head(nn.elu(features))
        return outputs.astype(jnp.promote_types(outputs.dtype, jnp.float32))

    def _distribution(self, outputs: Array) -> Distribution:
        distribution = super()._distribution(outputs)
        if self.nvae_compat and isinstance(distribution, LogisticMixture):
            return distribution.replace(  # type: ignore[attr-defined]  # flax's decorator adds it
                edge_threshold=NVAE_EDGE_THRESHOLD
            )
        return distribution


def _ascend(block: EncoderGroup, x: Array, inputs: None, train: bool) -> tuple[Array, Array]:
    del inputs
    x = block(x, train)
    return x, x


def _descend(block: Group, x: Array, inputs: GroupInputs, train: bool):
    return block(x, inputs, train)
