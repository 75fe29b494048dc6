"""NVAE: a deep hierarchy of convolutional latents, with an image-sized decoder.

A bottom-up path reads the image; a top-down path from a learned constant draws group after group,
each from a prior given the groups above and, where there is an image, from a posterior given the
bottom-up features too. Both paths begin and end with residual cells at the size of the image.

    p(z) = prod_g p(z_g | z_<g),  q(z | x) = prod_g q(z_g | x, z_<g),  p(x | z) any `Likelihood`.

The clean defaults differ from the official code where that surprises; `nvae_compat` restores it.

Reference: Vahdat & Kautz, NVAE: a deep hierarchical variational autoencoder, 2020.
"""

from collections.abc import Sequence
from typing import Any, get_args

import flax.linen as nn
import jax
import jax.numpy as jnp

from vaejax.distributions import Likelihood, LogisticMixture, logistic_mixture, sum_events
from vaejax.models.nvae_groups import EncoderGroup, Group, GroupInputs, TopGroup
from vaejax.models.nvae_presets import CELLS
from vaejax.nn.noise import example_normal
from vaejax.nn.residual_cell import ResidualCell
from vaejax.nn.stacked import Depth, Memory, apply_stacked
from vaejax.nn.weight_norm import WeightNormConv, kernels_in_use
from vaejax.types import Array, Distribution, Latent, VAEOutput

NVAE_EDGE_THRESHOLD = 0.99  # of the official logistic mixture, see `LogisticMixture`
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
Codes = Sequence[Array | None]


class NVAE(nn.Module):
    """The network of NVAE for images of any size that its strides divide.

    Attributes:
        image_shape: (H, W, C).
        likelihood: p(x | z); see `vaejax.distributions.likelihood`.
        groups: latent groups of every scale, top (coarsest) first; scales double in size. See
            `nvae_presets.adaptive_groups`.
        latent_channels: of every group's codes.
        encoder_features: channels of the first layer; they double with every halving of the size.
        decoder_features: likewise, of the last layer.
        num_blocks: halvings before the first scale, and doublings behind the last.
        preprocess_cells: cells per halving before the first scale.
        postprocess_cells: cells per doubling behind the last.
        encoder_cells: cells per group of the bottom-up path.
        decoder_cells: cells per group of the top-down path.
        num_flows: pairs of autoregressive flows in every posterior.
        cells: name of a set of residual cells in `nvae_presets.CELLS`.
        squeeze_excite: whether cells gate their channels.
        residual_posterior: posteriors are relative to their priors.
        dtype: to compute in, None is that of the images; parameters, batch statistics and
            distributions keep float32 at least.
        depth: "scanned" compiles one group per scale, "unrolled" every group; same numbers.
        memory: "remat" recomputes groups in the backward pass, "store" keeps their activations.
        nvae_compat: the official code's numbers, where it surprises: a first prior of standard
            deviation 1.01, and 0.99 as upper edge of the logistic mixture, so that its masses do
            not sum to 1.

    Raises:
        ValueError: an unknown set of cells or form, a number too small, or an image shape that the
            strides do not allow.
    """

    image_shape: tuple[int, int, int]
    likelihood: Likelihood = logistic_mixture()
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

    def __post_init__(self):
        if self.cells not in CELLS:
            raise ValueError(f"cells: expected one of {sorted(CELLS)}, got {self.cells!r}")
        if not self.groups or min(self.groups) < 1:
            raise ValueError(f"groups: expected numbers >= 1, got {self.groups}")
        for name, least in LEAST.items():
            if getattr(self, name) < least:
                raise ValueError(f"{name}: expected at least {least}, got {getattr(self, name)}")
        for name, valid in (("depth", get_args(Depth)), ("memory", get_args(Memory))):
            if getattr(self, name) not in valid:
                raise ValueError(f"{name}: expected one of {valid}, got {getattr(self, name)!r}")
        height, width, channels = self.image_shape
        stride = 2 ** (self.num_blocks + len(self.groups) - 1)
        if height % stride or width % stride:
            raise ValueError(
                f"image_shape: expected a height and width divisible by {stride} for "
                f"{len(self.groups)} scales and {self.num_blocks} blocks, got {height}x{width}; "
                "pad or resize the images, or choose fewer groups or blocks"
            )
        self.likelihood.num_outputs(channels)  # raises where the likelihood has no such images
        super().__post_init__()

    kernels = staticmethod(kernels_in_use)
    """All convolution kernels as they are applied, by path; what spectral penalties look at."""

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
        self.top = TopGroup(self.latent_channels, down_width[0], self.num_flows, self.nvae_compat)
        self.decoder = [
            Group(
                self.latent_channels,
                down,
                self.num_flows,
                self.nvae_compat,
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
        self.head = WeightNormConv(self.likelihood.num_outputs(self.image_shape[-1]), 3)
        if not self._is_flat:
            height, width, _ = self.image_shape
            shape = (height // top, width // top, down_width[0])
            self.start = self.param("start", nn.initializers.uniform(1.0), shape)

    @property
    def _is_flat(self) -> bool:
        """Whether there is a single group: then its codes begin the top-down path."""
        return self.groups == (1,)

    def __call__(
        self, images: Array, *, train: bool = False, noise: Sequence[Array] | None = None
    ) -> VAEOutput:
        """One pass: sample the posteriors top-down, decode, score.

        Args:
            images: [B, H, W, C] in [0, 1].
            train: whether batch normalisation takes the batch's statistics and updates the
                running ones (collection `batch_stats`).
            noise: standard normal, one array [B, h, w, latent_channels] per group, top first; else
                drawn from rng `"latent"`.
        """
        if noise is None:
            noise = self._draw_noise(images.shape[0])
        outputs, latents = self._infer(images, noise, train)
        likelihood = self._likelihood(outputs)
        return VAEOutput(sum_events(likelihood.log_prob(images)), latents, likelihood)

    def encode(self, images: Array) -> tuple[Latent, ...]:
        """The latents of images [B, H, W, C] at the posteriors' means, top group first.

        Every group's mean is that given the means of the groups above it.
        """
        noise = [jnp.zeros((images.shape[0], *shape)) for shape in self.latent_shapes]
        return self._infer(images, noise, train=False)[1]

    def decode(self, codes: Codes, *, temperature: float | Sequence[float] = 1.0) -> Distribution:
        """p(x | z) for codes [B, h, w, latent_channels] of some or all groups, top first.

        Args:
            codes: of the first groups, or of all with None among them; the others are drawn from
                their priors (rng `"latent"`).
            temperature: as in `sample`, for what is drawn.
        """
        codes = [*codes, *[None] * (len(self.latent_shapes) - len(codes))]
        sizes = {code.shape[0] for code in codes if code is not None}
        if len(sizes) != 1 or len(codes) != len(self.latent_shapes):
            raise ValueError(
                f"codes: expected at least one and at most {len(self.latent_shapes)} arrays of "
                f"the same number of images, got {[c if c is None else c.shape for c in codes]}"
            )
        return self._generate(sizes.pop(), codes, None, temperature, train=False)

    def sample(
        self,
        num_images: int,
        *,
        temperature: float | Sequence[float] = 1.0,
        noise: Sequence[Array] | None = None,
        train: bool = False,
    ) -> Distribution:
        """p(x | z) for `num_images` draws of the prior.

        Args:
            num_images: B.
            temperature: multiplies the standard deviations of the priors: one number, or one per
                group, top first.
            noise: as in `__call__`.
            train: as in `__call__`; re-estimates batch statistics for samples.
        """
        codes = [None] * len(self.latent_shapes)
        return self._generate(num_images, codes, noise, temperature, train)

    def _infer(
        self, images: Array, noise: Sequence[Array], train: bool
    ) -> tuple[Array, tuple[Latent, ...]]:
        if images.shape[1:] != self.image_shape:
            raise ValueError(f"images: expected [B, *{self.image_shape}], got {images.shape}")
        top, features = self._bottom_up(2.0 * images - 1.0, train)
        first, *rest = [GroupInputs(draw) for draw in noise]
        return self._top_down([first._replace(features=top), *rest], features, train)

    def _generate(
        self,
        num_images: int,
        codes: Codes,
        noise: Sequence[Array] | None,
        temperature: float | Sequence[float],
        train: bool,
    ) -> Distribution:
        num_groups = len(self.latent_shapes)
        if not isinstance(temperature, Sequence):
            temperature = (temperature,) * num_groups
        if len(temperature) != num_groups:
            raise ValueError(
                f"temperature: expected a number or {num_groups} of them, got {len(temperature)}"
            )
        if all(code is not None for code in codes):
            noise = [jnp.zeros_like(code) for code in codes]
        elif noise is None:
            noise = self._draw_noise(num_images)
        # Scaled noise is the noise of a scaled standard deviation.
        noise = [scale * draw for scale, draw in zip(temperature, noise, strict=True)]
        inputs = [
            GroupInputs(
                draw,
                code=jnp.zeros_like(draw) if code is None else code,
                given=jnp.asarray(code is not None),
            )
            for draw, code in zip(noise, codes, strict=True)
        ]
        return self._likelihood(self._top_down(inputs, [None] * len(self.groups), train)[0])

    def _draw_noise(self, num_images: int) -> list[Array]:
        rng = self.make_rng("latent")
        return [
            example_normal(jax.random.fold_in(rng, group), (num_images, *shape))
            for group, shape in enumerate(self.latent_shapes)
        ]

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
    ) -> tuple[Array, tuple[Latent, ...]]:
        """From the inputs of every group to the raw outputs [B, H, W, ...] and the latents.

        Args:
            inputs: of every group, top first, without features for all but the top.
            features: of the others, stacked per scale; None where there is no image.
            train: whether batch normalisation takes the batch's statistics.
        """
        x, (first, *rest) = None, inputs
        if not self._is_flat:
            shape = (first.noise.shape[0], *self.start.shape)
            x = jnp.broadcast_to(self.start.astype(self.dtype or self.start.dtype), shape)
        x, latent = self.top(x, first, train)
        latents = [latent]
        for i, group in enumerate(self.decoder):
            if i:
                x = self.up[i - 1](x, train)
            length = self.groups[i] if i else self.groups[0] - 1
            if not length:
                continue
            stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *rest[:length])
            stacked, rest = stacked._replace(features=features[i]), rest[length:]
            x, outputs = self._stack(group, length, _descend, x, stacked, train)
            latents += [jax.tree.map(lambda leaf, j=j: leaf[j], outputs) for j in range(length)]
        for cell in self.postprocess:
            x = cell(x, train)
        return self.head(nn.elu(x)), tuple(latents)

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

    def _likelihood(self, outputs: Array) -> Distribution:
        outputs = outputs.astype(jnp.promote_types(outputs.dtype, jnp.float32))
        distribution = self.likelihood.distribution(outputs, self.image_shape[-1])
        if self.nvae_compat and isinstance(distribution, LogisticMixture):
            return distribution.replace(edge_threshold=NVAE_EDGE_THRESHOLD)
        return distribution


def _ascend(block: EncoderGroup, x: Array, inputs: None, train: bool) -> tuple[Array, Array]:
    del inputs
    x = block(x, train)
    return x, x


def _descend(block: Group, x: Array, inputs: GroupInputs, train: bool):
    return block(x, inputs, train)
