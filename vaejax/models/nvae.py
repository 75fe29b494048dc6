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

from vaejax.distributions import sum_events
from vaejax.models.nvae_groups import GroupInputs
from vaejax.models.nvae_network import NVAENetwork
from vaejax.models.vae import Codes, Temperature, per_group
from vaejax.nn.autoregressive import masked
from vaejax.nn.noise import example_normal
from vaejax.nn.weight_norm import kernels_in_use
from vaejax.types import Array, Distribution, Latent, VAEOutput


class NVAE(NVAENetwork):
    """The network as a model of images; the attributes are those of `NVAENetwork`."""

    @staticmethod
    def kernels(params: Mapping[str, Any]) -> dict[str, Array]:
        """All convolution kernels as they are applied, by path; what spectral penalties look at."""
        return kernels_in_use(masked(params))

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
            noise = self.draw_noise(images.shape[0])
        images = self._as_wide_as_parameters(images)
        outputs, latents = self._infer(images, noise, train)
        likelihood = self._likelihood(outputs)
        return VAEOutput(sum_events(likelihood.log_prob(images)), latents, likelihood)

    def draw_noise(self, num_images: int) -> list[Array]:
        """See `VAE`."""
        rng = self.make_rng("latent")
        return [
            example_normal(jax.random.fold_in(rng, group), (num_images, *shape))
            for group, shape in enumerate(self.latent_shapes)
        ]

    def encode(self, images: Array, *, sample: bool = False) -> tuple[Latent, ...]:
        """See `VAE`."""
        if sample:
            noise = self.draw_noise(images.shape[0])
        else:
            noise = [jnp.zeros((images.shape[0], *shape)) for shape in self.latent_shapes]
        return self._infer(self._as_wide_as_parameters(images), noise, train=False)[1]

    def decode(self, codes: Codes, *, temperature: Temperature = 1.0) -> Distribution:
        """See `VAE`; codes are [B, h, w, latent_channels]."""
        codes = [*codes, *[None] * (len(self.latent_shapes) - len(codes))]
        sizes = {code.shape[0] for code in codes if code is not None}
        if len(sizes) != 1 or len(codes) != len(self.latent_shapes):
            raise ValueError(
                f"codes: expected at least one and at most {len(self.latent_shapes)} arrays of "
                f"the same number of images, got {[c if c is None else c.shape for c in codes]}"
            )
        self._check_shapes("codes", codes, max(sizes))
        return self._generate(sizes.pop(), codes, None, temperature, train=False)

    def sample(
        self,
        num_images: int,
        *,
        temperature: Temperature = 1.0,
        noise: Sequence[Array] | None = None,
        train: bool = False,
    ) -> Distribution:
        """See `VAE`.

        Args:
            num_images: as there, as are `temperature` and `noise`.
            temperature: of the priors.
            noise: in place of draws.
            train: as in `__call__`; re-estimates batch statistics for samples.
        """
        codes = [None] * len(self.latent_shapes)
        return self._generate(num_images, codes, noise, temperature, train)

    def _infer(
        self, images: Array, noise: Sequence[Array], train: bool
    ) -> tuple[Array, tuple[Latent, ...]]:
        if images.shape[1:] != self.image_shape:
            raise ValueError(f"images: expected [B, *{self.image_shape}], got {images.shape}")
        self._check_shapes("noise", noise, images.shape[0])
        top, features = self._bottom_up(2.0 * images - 1.0, train)
        first, *rest = [GroupInputs(self._as_wide_as_parameters(draw)) for draw in noise]
        return self._top_down([first._replace(features=top), *rest], features, train)

    def _generate(
        self,
        num_images: int,
        codes: Codes,
        noise: Sequence[Array] | None,
        temperature: Temperature,
        train: bool,
    ) -> Distribution:
        scales = per_group(temperature, len(self.latent_shapes))
        if all(code is not None for code in codes):
            noise = [jnp.zeros_like(code) for code in codes]
        elif noise is None:
            noise = self.draw_noise(num_images)
        self._check_shapes("noise", noise, num_images)
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
        return self._likelihood(self._top_down(inputs, [None] * len(self.groups), train)[0])

    def _as_wide_as_parameters(self, array: Array) -> Array:
        """Images or noise in float64 where parameters are: `dtype` alone can narrow the pass."""
        params = jax.tree.leaves(self.variables.get("params", {}))
        return jnp.asarray(array, jnp.result_type(array, *params))

    def _check_shapes(self, name: str, arrays: Codes, num_images: int) -> None:
        """Raise unless there is an array [num_images, *shape] (or None) for every group."""
        if len(arrays) != len(self.latent_shapes):
            raise ValueError(f"{name}: expected {len(self.latent_shapes)}, got {len(arrays)}")
        for group, (array, shape) in enumerate(zip(arrays, self.latent_shapes, strict=True)):
            if array is not None and array.shape != (num_images, *shape):
                expected = f"{(num_images, *shape)} for group {group}"
                raise ValueError(f"{name}: expected {expected}, got {array.shape}")
