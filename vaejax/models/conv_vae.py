"""A convolutional (or dense) VAE with one group of Gaussian latents.

p(z) any `Prior`, q(z | x) any `Posterior` made of N(mu(x), diag exp(log_var(x))), p(x | z) any
`Likelihood`.

References:
    Kingma & Welling, Auto-Encoding Variational Bayes, 2014.
    Higgins et al., beta-VAE, 2017; Burgess et al., 2018; Locatello et al., 2019 (`presets.py`).
"""

import math
from collections.abc import Sequence

import flax.linen as nn
import jax.numpy as jnp

from vaejax.core.checks import check_counts
from vaejax.distributions import Likelihood, Normal, bernoulli
from vaejax.models.autoregressive import PixelNetwork
from vaejax.models.posteriors import (
    Drawn,
    Inferred,
    Posterior,
    gaussian,
    gaussian_of,
    inferred_codes,
)
from vaejax.models.presets import PRESETS, Architecture, by_numbers
from vaejax.models.priors import Context, Prior, latent_under, parts_of_posterior, standard
from vaejax.models.vae import VAE, check_image_shape
from vaejax.nn.conv import Conv, ConvTranspose
from vaejax.nn.dense import Dense
from vaejax.nn.initializers import glorot_uniform
from vaejax.types import Array, Codes, Latent

DEFAULT = "burgess"  # of the presets


class Encoder(nn.Module):
    """Images [B, H, W, C] -> a Gaussian [B, D], and the features [B, E] that it is linear in."""

    architecture: Architecture
    latent_size: int

    @nn.compact
    def __call__(self, images: Array) -> Inferred:
        x = images
        for spec in self.architecture.convs:
            x = self.architecture.activation(Conv(spec.features, spec.kernel, spec.stride)(x))
        x = x.reshape(x.shape[0], -1)  # [B, h * w * c]
        for width in self.architecture.dense:
            x = self.architecture.activation(Dense(width, kernel_init=glorot_uniform)(x))
        mean = Dense(self.latent_size, kernel_init=glorot_uniform, name="mean")(x)
        log_var = Dense(self.latent_size, kernel_init=glorot_uniform, name="log_var")(x)
        return Inferred(Normal.from_log_var(mean, log_var), x)


class Decoder(nn.Module):
    """Codes [B, D] -> raw outputs [B, H, W, num_outputs], the parameters of the likelihood."""

    architecture: Architecture
    image_shape: tuple[int, int, int]
    num_outputs: int

    @nn.compact
    def __call__(self, z: Array) -> Array:
        arch, (height, width, _) = self.architecture, self.image_shape
        x = z
        if arch.broadcast:
            x = _broadcast(z, height // arch.decoder_stride, width // arch.decoder_stride)
        for features in arch.decoder_dense:
            x = arch.decoder_activation(Dense(features, kernel_init=glorot_uniform)(x))
        if arch.broadcast:
            return self._enlarged(x)
        if arch.output is None:
            x = Dense(height * width * self.num_outputs, kernel_init=glorot_uniform)(x)
            return x.reshape(-1, height, width, self.num_outputs)
        feature_map = (height // arch.stride, width // arch.stride, arch.convs[-1].features)
        x = Dense(math.prod(feature_map), kernel_init=glorot_uniform)(x)
        return self._enlarged(arch.decoder_activation(x).reshape(-1, *feature_map))

    def _enlarged(self, x: Array) -> Array:
        """Raw outputs of a first feature map."""
        arch = self.architecture
        assert arch.output is not None  # of a decoder of dense layers alone
        for spec in arch.deconvs:
            x = arch.decoder_activation(up_layer(spec.features, spec.kernel, spec.stride)(x))
        return up_layer(self.num_outputs, *arch.output)(x)


def _broadcast(z: Array, height: int, width: int) -> Array:
    """Codes [B, D] at every place of a map, and where it lies, -1 to 1: [B, h, w, D + 2]."""
    axes = (jnp.linspace(-1.0, 1.0, size, dtype=z.dtype) for size in (height, width))
    places = jnp.stack(jnp.meshgrid(*axes, indexing="ij"), axis=-1)  # [h, w, 2]
    shape = (len(z), height, width)
    everywhere = jnp.broadcast_to(z[:, None, None], (*shape, z.shape[1]))
    return jnp.concatenate([everywhere, jnp.broadcast_to(places, (*shape, 2))], axis=-1)


def up_layer(features: int, kernel: int, stride: int) -> nn.Module:
    layer = Conv if stride == 1 else ConvTranspose
    return layer(features, kernel, stride)


class ConvVAE(VAE):
    """A VAE with a published encoder/decoder pair, or with one by numbers.

    `ConvVAE((64, 64, 3), preset="higgins")` is the same network as
    `ConvVAE((64, 64, 3), widths=(32, 32, 64, 64), kernels=4, strides=2, dense=(256,))`.

    Attributes:
        image_shape: (H, W, C); height and width must be multiples of the network's total stride.
        latent_size: D, the number of latent dimensions.
        preset: name of an encoder/decoder pair of `presets.py`; None is `burgess`, or what `widths`
            say.
        widths: features of each convolution of the encoder, which the decoder has in reverse; empty
            for a preset.
        kernels: side of the kernels of these, one for each or one for all.
        strides: of these, likewise.
        dense: widths of the dense layers between them and the latents.
        likelihood: p(x | z), or of a pixel given those before it and z; see
            `vaejax.distributions.likelihood`.
        prior: p(z); see `vaejax.models.priors`.
        posterior: q(z | x); see `vaejax.models.posteriors`.
        autoregressive: network over pixels (a PixelVAE); None for pixels that are independent given
            z. Of a network given the code as a vector there is no other decoder. See
            `vaejax.models.autoregressive`.

    Raises:
        ValueError: an unknown preset, one beside `widths`, numbers that make no network, or an
            image shape that the strides do not allow.
    """

    image_shape: tuple[int, int, int]
    latent_size: int = 10
    preset: str | None = None
    likelihood: Likelihood = bernoulli()
    prior: Prior = standard()
    posterior: Posterior = gaussian()
    widths: tuple[int, ...] = ()
    kernels: int | tuple[int, ...] = 4
    strides: int | tuple[int, ...] = 2
    dense: tuple[int, ...] = (256,)
    autoregressive: PixelNetwork | None = None

    def __post_init__(self):
        if self.preset not in (None, *PRESETS):
            raise ValueError(f"preset: expected one of {sorted(PRESETS)}, got {self.preset!r}")
        if self.widths and self.preset is not None:
            raise ValueError(
                f"preset: expected None beside widths={self.widths}, which say what the network "
                f"is, got {self.preset!r}"
            )
        check_counts(latent_size=(self.latent_size, 1))
        check_image_shape(
            self.image_shape,
            self.likelihood,
            self.architecture.stride,
            "smaller strides (widths, strides), or a preset with such (frey: 2) or none (burda)",
        )
        self._check_pixels(has_vector=True)
        super().__post_init__()

    @property
    def architecture(self) -> Architecture:
        """The network, as data."""
        if self.widths:
            return by_numbers(self.widths, self.kernels, self.strides, self.dense)
        return PRESETS[self.preset or DEFAULT](self.image_shape)

    @property
    def pixels_see_codes(self) -> bool:
        """Whether the network over pixels is given the code itself, and none decodes it."""
        return self.autoregressive is not None and self.autoregressive.conditioning == "vector"

    @property
    def posterior_parts(self) -> tuple[str, ...]:
        return parts_of_posterior(self.prior, self.posterior, "encoder")

    def setup(self):
        self.encoder = Encoder(self.architecture, self.latent_size)
        if not self.pixels_see_codes:
            self.decoder = Decoder(self.architecture, self.image_shape, self.num_outputs)
        self._setup_pixels()

    @property
    def latent_shapes(self) -> tuple[tuple[int, ...], ...]:
        """The shape of one image's codes: a single group [D]."""
        return ((self.latent_size,),)

    def _infer(
        self,
        images: Array,
        noise: Sequence[Array],
        codes: Sequence[Array] | None,
        train: bool,
    ) -> tuple[Array, tuple[Latent, ...]]:
        del train
        given = None if codes is None else codes[0]
        drawn = inferred_codes(self.posterior, self.encoder(images), noise[0], given)
        return drawn.z, (latent_under(self.prior, drawn, self._context),)

    def _generate(
        self, noise: Sequence[Array], codes: Codes, scales: Sequence[float], train: bool
    ) -> tuple[Array, tuple[Array, ...]]:
        del train
        (z,) = codes
        if z is None:
            z = self.prior.from_noise(noise[0], self._context, scales[0])
        return z, (z,)

    def _standardised(self, images: Array) -> tuple[Array | None, ...]:
        return (self.prior.to_noise(self._mean(images).z, self._context),)

    def _outputs(self, features: Array, train: bool) -> Array:
        del train
        return features if self.pixels_see_codes else self.decoder(features)

    def _mean(self, images: Array) -> Drawn:
        """The mean codes."""
        (noise,) = self._latent_noise(None, images)
        return self.posterior.from_noise(self.encoder(images), noise)

    @property
    def _context(self) -> Context:
        return Context(posterior=lambda images: gaussian_of(self._mean(images)))
