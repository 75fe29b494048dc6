"""NVAE: a deep hierarchy of convolutional latents, with an image-sized decoder.

A bottom-up path reads the image; a top-down path from a learned constant draws group after group,
each from a prior given the groups above and, where there is an image, from a posterior given the
bottom-up features too.

    p(z) = prod_g p(z_g | z_<g),  q(z | x) = prod_g q(z_g | x, z_<g),  p(x | z) any `Likelihood`.

The clean defaults differ from the official code where that surprises; `nvae_compat` restores it.

Reference: Vahdat & Kautz, NVAE: a deep hierarchical variational autoencoder, 2020.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from vaejax.models.nvae_groups import GroupInputs
from vaejax.models.nvae_network import NVAENetwork
from vaejax.nn.autoregressive import masked
from vaejax.nn.weight_norm import kernels_in_use
from vaejax.types import Array, Codes, Latent


class NVAE(NVAENetwork):
    """A deep hierarchical VAE for images of any size that its strides divide.

    Attributes:
        image_shape: (H, W, C).
        likelihood: p(x | z); see `vaejax.distributions.likelihood`.
        prior: of the first group; see `vaejax.models.priors`.
        groups: latent groups of every scale, top (coarsest) first; scales double in size. See
            `nvae_presets.adaptive_groups`.
        latent_channels: of every group's codes.
        encoder_features: channels of the first layer; they double with every halving of the size.
        decoder_features: likewise, of the last layer.
        num_blocks: halvings before the first scale, and doublings after the last.
        preprocess_cells: cells per halving before the first scale.
        postprocess_cells: cells per doubling after the last.
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
        nvae_compat: the official code's numbers, where it surprises: a first prior N(0, 1.01^2) in
            place of the standard one, and 0.99 as upper edge of the logistic mixture, so that its
            masses do not sum to 1.
        autoregressive: network over pixels, given a map by the decoder; None for pixels that are
            independent given z. See `vaejax.models.autoregressive`.

    Raises:
        ValueError: an unknown set of cells or form, a number too small, or an image shape that the
            strides do not allow.
    """

    @staticmethod
    def kernels(params: Mapping[str, Any]) -> dict[str, Array]:
        """All convolution kernels as they are applied, by path; what spectral penalties look at."""
        return kernels_in_use(masked(params))

    def _infer(
        self,
        images: Array,
        noise: Sequence[Array],
        codes: Sequence[Array] | None,
        train: bool,
    ) -> tuple[Array, tuple[Latent, ...]]:
        x, outputs = self._descend(images, noise, codes, train)
        return x, tuple(output.latent for output in outputs)

    def _standardised(self, images: Array) -> tuple[Array | None, ...]:
        means = [jnp.zeros((len(images), *shape)) for shape in self.latent_shapes]
        _, outputs = self._descend(images, means, None, train=False)
        return tuple(output.noise for output in outputs)

    def _descend(self, images, noise, codes, train: bool):
        images = self._as_wide_as_parameters(images)
        top, features = self._bottom_up(2.0 * images - 1.0, train)
        first, *rest = [
            GroupInputs(self._as_wide_as_parameters(draw), code=code)
            for draw, code in zip(noise, codes or [None] * len(noise), strict=True)
        ]
        return self._top_down([first._replace(features=top), *rest], features, train)

    def _generate(
        self, noise: Sequence[Array], codes: Codes, scales: Sequence[float], train: bool
    ) -> tuple[Array, tuple[Array, ...]]:
        # Scaled noise is the noise of a scaled standard deviation.
        noise = [
            scale * self._as_wide_as_parameters(draw)
            for scale, draw in zip(scales, noise, strict=True)
        ]
        inputs = [
            GroupInputs(
                draw,
                code=jnp.zeros_like(draw) if code is None else code,
                given=jnp.asarray(code is not None),
            )
            for draw, code in zip(noise, codes, strict=True)
        ]
        x, outputs = self._top_down(inputs, [None] * len(self.groups), train)
        return x, tuple(output.z for output in outputs)

    def _as_wide_as_parameters(self, array: Array) -> Array:
        """Images or noise in float64 where parameters are: `dtype` alone can narrow the pass."""
        params = jax.tree.leaves(self.variables.get("params", {}))
        return jnp.asarray(array, jnp.result_type(array, *params))
